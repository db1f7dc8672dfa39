import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { LOCAL_POD } from '../api/shapes.ts';
import { restartDelaySeconds } from './container.ts';
import { imageOf, type LocalImage } from './images.ts';
import { createLogPrinter, LogBuffer } from './log.ts';
import { cutLines } from './machine.ts';
import { localStart, mapPath, type PodPlace } from './place.ts';
import { unschedulable } from './pod-run.ts';

const IMAGE: LocalImage = {
  entrypoint: ['node', '/app/sidecar.js'],
  programs: { node: ['/opt/node'], nginx: ['nginx', '-g', 'user root;'] },
  environment: {},
  files: {},
  stopSignal: 'SIGTERM',
};
const POD = LOCAL_POD.parse({
  metadata: { name: 'edge-0', namespace: 'tv', uid: 'u1', labels: { app: 'edge' } },
  spec: { containers: [{ name: 'nginx', image: 'edge' }] },
});

describe('mapPath', () => {
  const mappings = { '/run/sluice': '/tmp/x/run', '/run/sluice/deep': '/tmp/x/deep' };
  test.each([
    ['/run/sluice', '/tmp/x/run'],
    ['/run/sluice/nginx.conf', '/tmp/x/run/nginx.conf'],
    ['/run/sluice/deep/file', '/tmp/x/deep/file'],
    ['/run/sluice2', '/run/sluice2'],
    ['-c', '-c'],
    ['{"path":"/run/sluice"}', '{"path":"/run/sluice"}'],
  ])('%s lies at %s', (inside, outside) => expect(mapPath(inside, mappings)).toBe(outside));
});

const PLACE: PodPlace = { pod: POD, address: '127.16.1.2', folder: '/tmp/pod' };
const SERVICES = {
  environment: { PATH: '/bin' },
  network: {
    podAddress: () => '127.16.1.3',
    resolve: (text: string) => text.replace('edge.tv.svc', '127.16.200.1'),
  },
};

describe('the environment of a container', () => {
  const environment = (env: readonly object[]) => {
    const [container] = LOCAL_POD.parse({
      ...POD,
      spec: { containers: [{ name: 'c', image: 'edge', env, volumeMounts: [{ name: 'run', mountPath: '/run/' }] }] },
    }).spec.containers;
    if (container === undefined) throw new Error('no container');
    return localStart(['x'], container, IMAGE, PLACE, SERVICES).environment;
  };
  const field = (fieldPath: string) => environment([{ name: 'A', valueFrom: { fieldRef: { fieldPath } } }]).A;

  test.each([
    ['metadata.name', 'edge-0'],
    ['metadata.namespace', 'tv'],
    ['metadata.uid', 'u1'],
    ['status.podIP', '127.16.1.2'],
  ])('field %s', (path, expected) => expect(field(path)).toBe(expected));

  test.each(['status.podIp', 'metadata.labels', 'none.at.all'])('field %s is no text, and named', (path) => {
    expect(() => field(path)).toThrow(`env A: there is no field ${path}`);
  });

  test('maps paths and Services, and tells where to listen', () => {
    const variables = [
      { name: 'PLACE', value: '/run/file' },
      { name: 'URL', value: 'http://edge.tv.svc:8081' },
    ];
    expect(environment(variables)).toEqual({
      PATH: '/bin',
      PLACE: '/tmp/pod/volumes/run/file',
      URL: 'http://127.16.200.1:8081',
      SLUICE_BIND_ADDRESS: '127.16.1.2',
    });
  });
});

describe('images', () => {
  test.each(['edge', 'sluice/edge', 'registry.example:5000/sluice/edge:0.1.0', 'edge@sha256:00', 'a/edge:1@sha256:00'])(
    '%s is the edge',
    (reference) => expect(imageOf(reference, { edge: IMAGE })).toBe(IMAGE),
  );

  test.each(['redis:7', 'constructor'])('%s has no local program', (reference) => {
    expect(() => imageOf(reference, { edge: IMAGE })).toThrow(
      `no program of this machine stands for image ${reference}; known: edge`,
    );
  });

  test('run local programs, which no mount hides', () => {
    const [container] = POD.spec.containers;
    if (container === undefined) throw new Error('no container');
    const mounting = { ...container, volumeMounts: [{ name: 'opt', mountPath: '/opt' }] };
    const image = { ...IMAGE, files: { '/app': '/opt/bundles' } };
    const local = (...command: readonly string[]) => localStart(command, mounting, image, PLACE, SERVICES).command;
    const mounted = '/tmp/pod/volumes/opt/x';
    expect(local('node', '/app/agent.js', '/opt/x')).toEqual(['/opt/node', '/opt/bundles/agent.js', mounted]);
    expect(local('nginx', '-c', '/app/x')).toEqual(['nginx', '-g', 'user root;', '-c', '/opt/bundles/x']);
    expect(local('sleep', '5')).toEqual(['sleep', '5']);
  });
});

describe('unschedulable', () => {
  const pod = (nodeSelector: Record<string, string>, limits: Record<string, string>) =>
    LOCAL_POD.parse({
      metadata: { name: 'p', namespace: 'tv', uid: 'u' },
      spec: { nodeSelector, containers: [{ name: 'c', image: 'i', resources: { limits } }] },
    });

  test.each<[string, Record<string, string>, Record<string, string>, string | null]>([
    ['an ordinary pod', { 'kubernetes.io/os': 'linux' }, { cpu: '1', memory: '1Gi' }, null],
    ['one of another machine', { 'example.com/gpu': 'yes' }, {}, "1 node(s) didn't match Pod's node affinity/selector"],
    ['one with a GPU', {}, { 'nvidia.com/gpu': '1' }, '1 Insufficient nvidia.com/gpu'],
    ['one with none', {}, { 'nvidia.com/gpu': '0' }, null],
  ])('%s', (_, nodeSelector, limits, why) => {
    const expected = why === null ? null : `0/1 nodes are available: ${why}.`;
    expect(unschedulable(pod(nodeSelector, limits))).toBe(expected);
  });
});

const NONE = 'is not known where pods are processes of this machine: leave it out';
const mounting = (more: object) => ({ volumeMounts: [{ name: 'v', mountPath: '/v', ...more }] });
test.each<[string, object, string]>([
  ['readinessProbe.httpGet', { readinessProbe: { tcpSocket: { port: 80 } } }, 'only probes by httpGet are known here'],
  [
    'livenessProbe.httpGet.scheme',
    { livenessProbe: { httpGet: { port: 80, scheme: 'HTTPS' } } },
    'Invalid input: expected "HTTP"',
  ],
  [
    'lifecycle.preStop.exec',
    { lifecycle: { preStop: { httpGet: { port: 80 } } } },
    'only hooks by exec are known here',
  ],
  ['lifecycle.postStart', { lifecycle: { postStart: {} } }, NONE],
  ['envFrom', { envFrom: [{ secretRef: { name: 'keys' } }] }, NONE],
  ['workingDir', { workingDir: '/srv' }, NONE],
  ['volumeMounts.0.subPath', mounting({ subPath: 'deep' }), NONE],
])('%s is refused where it would not be heeded', (field, more, message) => {
  const pod = { ...POD, spec: { containers: [{ name: 'c', image: 'i', ...more }] } };
  const issues = LOCAL_POD.schema.safeParse(pod).error?.issues.map((issue) => [issue.path.join('.'), issue.message]);
  expect(issues).toEqual([[`spec.containers.0.${field}`, message]]);
});

test('the first restart comes at once, the next after 10 s, doubled up to five minutes', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 100].map(restartDelaySeconds)).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
});

describe('LogBuffer', () => {
  test('gives the lines back', () => {
    const log = new LogBuffer();
    for (const line of ['one', 'two', 'three']) log.add(line);
    expect(log.text()).toBe('one\ntwo\nthree\n');
  });

  test('keeps the last mebibyte', () => {
    const log = new LogBuffer();
    for (let line = 0; line < 3000; line += 1) log.add(`${line} ${'x'.repeat(1000)}`);
    expect(log.text().length).toBeLessThanOrEqual(1024 * 1024);
    expect(log.text()).toMatch(/^19\d\d x+\n/);
  });
});

test('output is cut into lines wherever it is cut into pieces, and endless lines into pieces', () => {
  const lines: string[] = [];
  const stream = new EventEmitter();
  cutLines(stream, (line) => lines.push(line));
  for (const piece of ['on', 'e\ntwo\r\n', '\n', 'x'.repeat(40_000), 'last']) stream.emit('data', piece);
  stream.emit('close');
  const long = lines.slice(3);
  expect(lines.slice(0, 3)).toEqual(['one', 'two', '']);
  expect(long.map(({ length }) => length)).toEqual([16_384, 16_384, 40_004 - 2 * 16_384]);
});

describe('createLogPrinter', () => {
  function printed(text: string, all = false): readonly string[] {
    const lines: string[] = [];
    createLogPrinter((line) => lines.push(line), { colour: false, all })({ pod: 'p', container: 'c', text });
    return lines;
  }

  test.each<[string, readonly string[]]>([
    ['plain', ['p/c plain']],
    ['{"level":"info","msg":"serves","routes":2}', ['p/c serves routes=2']],
    ['{"level":"warn","msg":"late","err":{"message":"no answer"}}', ['p/c WARN late: no answer']],
    ['{"level":"debug","msg":"detail"}', []],
    ['{"method":"GET","uri":"/film"}', []],
    ['{broken', ['p/c {broken']],
    ['', []],
  ])('%s', (text, lines) => expect(printed(text)).toEqual(lines));

  test('shows requests on demand', () => {
    expect(printed('{"method":"GET"}', true)).toEqual(['p/c {"method":"GET"}']);
  });

  test('gives each pod a colour of its own', () => {
    const lines: string[] = [];
    const print = createLogPrinter((line) => lines.push(line), { colour: true, all: false });
    for (const pod of ['a', 'b', 'a']) print({ pod, container: '', text: 'x' });
    expect(lines[0]).toBe(lines[2]);
    expect(lines[0]?.replace('a', 'b')).not.toBe(lines[1]);
  });
});
