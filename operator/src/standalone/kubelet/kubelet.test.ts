import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { covers } from '../../runtime/apply/json.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { ObjectStore } from '../../runtime/memory/object-store.ts';
import { ManualClock } from '../../runtime/testing/manual-clock.ts';
import { FakeMachine } from './fake-machine.testing.ts';
import { PODS, SECRETS } from './kinds.testing.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';

const ADDRESS = '127.16.1.2';

let folder: string;
let store: ObjectStore;
let machine: FakeMachine;
let clock: ManualClock;
let kubelet: Kubelet;
let printed: string[];
let addresses: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubelet-'));
  store = new ObjectStore({ kinds: [PODS, SECRETS], now: Date.now });
  machine = new FakeMachine();
  clock = new ManualClock();
  printed = [];
  addresses = 0;
  const network = {
    podAddress: () => `127.16.1.${2 + addresses++}`,
    resolve: (text: string) => text,
  };
  const image = { programs: {}, environment: { FROM: 'image' }, files: { '/app': '/bundles' } };
  kubelet = startKubelet({
    store,
    network,
    images: { film: { ...image, entrypoint: ['run', '/app/main.js'], stopSignal: 'SIGQUIT' } },
    machine,
    folder,
    environment: { PATH: '/bin' },
    print: ({ pod, container, text }) => void printed.push(`${pod}/${container} ${text}`),
    clock,
  });
});
afterEach(async () => {
  const stopped = kubelet.stop();
  for (const process of machine.processes) process.exit(0);
  await stopped;
  rmSync(folder, { recursive: true });
});

function create(spec: JsonObject, name = 'film-1'): void {
  store.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'tv' }, spec }, 'test');
}

interface Pod {
  readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly status: {
    readonly phase: string;
    readonly podIP: string;
    readonly containerStatuses: readonly JsonObject[];
  };
}

const read = (name = 'film-1') => store.get(PODS, 'tv', name) as unknown as Pod;

/** What a test waits for comes within milliseconds, files included; this only bounds a test that fails on a busy machine. */
const PATIENCE_MS = 50_000;
jest.setTimeout(60_000);

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`waited in vain for ${what}; started ${machine.commands.join(', ')}; printed ${printed.join(', ')}`);
}

const started = (command: string, times = 1) =>
  until(`${command} to start`, () => machine.commands.filter((each) => each === command).length === times);
const stateIs = (expected: JsonObject) =>
  until(JSON.stringify(expected), () => covers(read().status?.containerStatuses?.[0]?.state ?? {}, expected));

const MAIN = { name: 'main', image: 'sluice/film:1' };

describe('a pod', () => {
  test('runs the local program of its image with its own address, folders and variables', async () => {
    store.create(
      SECRETS,
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'token', namespace: 'tv' }, data: { token: 'YWJj' } },
      'test',
    );
    create({
      containers: [
        {
          ...MAIN,
          args: ['--dir', '/data/deep'],
          env: [
            { name: 'FILE', value: '/etc/token/token' },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'SLUICE_BIND_ADDRESS', value: '::' },
          ],
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'token', mountPath: '/etc/token' },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
        { name: 'token', secret: { secretName: 'token' } },
      ],
    });
    const volumes = join(folder, read().metadata.uid, 'volumes');
    await started(`run /bundles/main.js --dir ${volumes}/data/deep`);
    expect(machine.processes[0]?.start.environment).toEqual({
      PATH: '/bin',
      FROM: 'image',
      TMPDIR: `${volumes}/tmp`,
      FILE: `${volumes}/token/token`,
      IP: ADDRESS,
      SLUICE_BIND_ADDRESS: ADDRESS,
    });
    expect(readFileSync(`${volumes}/token/token`, 'utf8')).toBe('abc');
    expect(statSync(`${volumes}/token`).mode & 0o077).toBe(0);
    await stateIs({ running: {} });
    expect(read().status).toMatchObject({
      phase: 'Running',
      podIP: ADDRESS,
      containerStatuses: [{ name: 'main', ready: true, restartCount: 0, containerID: 'local://100' }],
    });
    expect(read().metadata.annotations).toEqual({ 'sluice.dev/local-folder': volumes });
  });

  test('that wants a GPU is never started, and says so as a scheduler does', async () => {
    create({ containers: [{ ...MAIN, resources: { limits: { 'nvidia.com/gpu': 1 } } }] });
    await until('a status', () => read().status !== undefined);
    const message = '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.';
    expect(read().status).toMatchObject({
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }, {}],
    });
    store.delete(PODS, 'tv', 'film-1');
    await until('the end', () => store.list(PODS).length === 0);
    expect(machine.processes).toEqual([]);
  });

  test('waits for its Secret', async () => {
    create({ containers: [MAIN], volumes: [{ name: 'keys', secret: { secretName: 'keys' } }] });
    await stateIs({ waiting: { reason: 'ContainerCreating', message: 'Secret tv/keys does not exist' } });
    store.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace: 'tv' } }, 'test');
    clock.advance(500);
    await started('run /bundles/main.js');
  });

  test('finds in its files what a Secret holds now', async () => {
    const metadata = { name: 'keys', namespace: 'tv' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata };
    store.create(SECRETS, { ...secret, data: { old: 'YWJj', both: 'YWJj' } }, 'test');
    create({ containers: [MAIN], volumes: [{ name: 'keys', secret: { secretName: 'keys' } }] });
    await started('run /bundles/main.js');
    store.update(SECRETS, 'tv', 'keys', (object) => {
      object.data = { both: 'ZGVm', new: 'Z2hp' };
    });
    const path = join(folder, read().metadata.uid, 'volumes/keys');
    await until('the new files', () => readdirSync(path).join() === 'both,new');
    expect(['both', 'new'].map((file) => readFileSync(join(path, file), 'utf8'))).toEqual(['def', 'ghi']);
  });

  test.each([
    [
      'an image that has no local program',
      { ...MAIN, image: 'redis:7' },
      '',
      'no program of this machine stands for image redis:7',
    ],
    ['a program that is not installed', MAIN, 'run', 'run is not installed'],
  ])('says in its status what is wrong with %s, and tries again', async (_, container, missing, message) => {
    machine.missing = missing;
    create({ containers: [container] });
    await until('the message', () => JSON.stringify(read().status ?? {}).includes(message));
    expect(read().status.phase).toBe('Pending');
    machine.missing = '';
    clock.advance(10_000);
    if (missing !== '') await started('run /bundles/main.js');
  });

  test('is restarted at once, then with back-off, and counts it', async () => {
    create({ containers: [MAIN] });
    await started('run /bundles/main.js');
    machine.process('run /bundles/main.js').exit(1);
    await started('run /bundles/main.js', 2);
    machine.process('run /bundles/main.js').exit(2);
    await stateIs({ waiting: { reason: 'CrashLoopBackOff', message: 'ended with 2; next start in 10 s' } });
    clock.advance(9_999);
    expect(machine.processes).toHaveLength(2);
    clock.advance(1);
    await started('run /bundles/main.js', 3);
    await until('the count', () => read().status.containerStatuses[0]?.restartCount === 2);
    expect(read().status.containerStatuses[0]).toMatchObject({ lastState: { terminated: { exitCode: 2 } } });
    clock.advance(600_000); // ten minutes of running make up for what was before
    machine.process('run /bundles/main.js').exit(3);
    await started('run /bundles/main.js', 4);
  });

  test('that never restarts tells how it ended, with the end of its log', async () => {
    create({ restartPolicy: 'Never', containers: [{ ...MAIN, terminationMessagePolicy: 'FallbackToLogsOnError' }] });
    await started('run /bundles/main.js');
    machine.processes[0]?.start.onLine('no encoder works');
    machine.processes[0]?.exit(1);
    await stateIs({ terminated: { exitCode: 1, reason: 'Error', message: 'no encoder works' } });
    expect(read().status.phase).toBe('Failed');
    const log = (container: string) => kubelet.log(store.get(PODS, 'tv', 'film-1'), container);
    expect([log('main'), log(''), log('other')]).toEqual(['no encoder works\n', 'no encoder works\n', null]);
    expect(kubelet.log({ metadata: { uid: 'other' } }, 'main')).toBeNull();
    expect(printed).toContain('film-1/main no encoder works');
  });

  test('is ready as long as it answers', async () => {
    const readinessProbe = { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 };
    create({ containers: [{ ...MAIN, ports: [{ name: 'http', containerPort: 80 }], readinessProbe }] });
    await started('run /bundles/main.js');
    const isReady = async (expected: boolean) =>
      until(`ready: ${expected}`, () => {
        clock.advance(1000);
        return read().status.containerStatuses[0]?.ready === expected;
      });
    await isReady(false);
    machine.healthy.add(`http://${ADDRESS}:80/readyz`);
    await isReady(true);
    machine.healthy.clear();
    await isReady(false);
  });

  test('is stopped when its liveness probe fails, and started again', async () => {
    const probe = { httpGet: { path: '/livez', port: 'http' }, periodSeconds: 1, failureThreshold: 2 };
    create({ containers: [{ ...MAIN, ports: [{ name: 'http', containerPort: 80 }], livenessProbe: probe }] });
    await started('run /bundles/main.js');
    const first = machine.process('run /bundles/main.js');
    await until('a stop', () => {
      clock.advance(1000);
      return first.signals.length > 0;
    });
    expect(first.signals).toEqual(['SIGQUIT']);
    expect(printed).toContain('film-1/main liveness probe failed, the container is stopped');
    first.exit(0);
    await started('run /bundles/main.js', 2);
  });
});

describe('the containers of a pod', () => {
  const named = (name: string, more: JsonObject = {}) => ({ name, image: 'film', command: [name], ...more });
  const sidecar = (name: string, more: JsonObject = {}) => named(name, { restartPolicy: 'Always', ...more });
  const phaseIs = (phase: string) => until(phase, () => read().status?.phase === phase);

  test('start in order: sidecars one after the other, main ones together', async () => {
    create({ initContainers: [sidecar('one'), sidecar('two')], containers: [named('main'), named('other')] });
    await started('other');
    expect(machine.commands).toEqual(['one', 'two', 'main', 'other']);
    await phaseIs('Running');
  });

  test('wait for the startup probe of a sidecar, not for its end; a second start holds up nobody', async () => {
    const startupProbe = { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 60 };
    create({ initContainers: [sidecar('sidecar', { startupProbe })], containers: [named('main')] });
    await started('sidecar');
    await until('a second question', () => {
      clock.advance(1000);
      return clock.now() >= 5000;
    });
    expect(machine.commands).toEqual(['sidecar']);
    machine.healthy.add(`http://${ADDRESS}:80/`);
    await until('the work', () => {
      clock.advance(1000);
      return machine.commands.includes('main');
    });
    machine.healthy.clear();
    machine.process('sidecar').exit(1);
    machine.process('main').exit(1);
    await started('sidecar', 2);
    await started('main', 2);
  });

  test.each<[string, string, number, number, string]>([
    ['Always', 'starts again what has succeeded', 0, 2, 'Running'],
    ['OnFailure', 'starts again what has failed', 3, 2, 'Running'],
    ['OnFailure', 'lets be what has succeeded', 0, 1, 'Succeeded'],
    ['Never', 'lets be what has failed', 137, 1, 'Failed'],
  ])('of restart policy %s: %s', async (restartPolicy, _what, exitCode, starts, phase) => {
    create({ restartPolicy, containers: [named('main')] });
    await started('main');
    await phaseIs('Running');
    machine.process('main').exit(exitCode);
    await started('main', starts);
    await phaseIs(phase);
  });

  test('end with the work: sidecars restart whatever the policy until then, and stop in reverse order', async () => {
    create({
      restartPolicy: 'Never',
      initContainers: [sidecar('first'), sidecar('second')],
      containers: [named('main')],
    });
    await started('main');
    machine.process('first').exit(0);
    await started('first', 2);
    machine.process('main').exit(0);
    const [first, second] = [machine.process('first'), machine.process('second')];
    await until('the signal', () => second.signals.length === 1);
    expect(first.signals).toEqual([]);
    second.exit(0);
    await until('the signal', () => first.signals.length === 1);
    first.exit(0);
    await phaseIs('Succeeded');
    expect(machine.processes).toHaveLength(4);
  });
});

describe('a deleted pod', () => {
  const HOOK = { preStop: { exec: { command: ['drain', '/app/x'] } } };
  const SIDECAR = { name: 'sidecar', image: 'film', command: ['sidecar'], restartPolicy: 'Always' };

  async function run(): Promise<void> {
    create({ initContainers: [SIDECAR], containers: [{ ...MAIN, lifecycle: HOOK }] });
    await started('run /bundles/main.js');
  }

  test('runs its hook, then gets its signal, then its sidecar; then nothing of it is left', async () => {
    await run();
    store.delete(PODS, 'tv', 'film-1');
    await started('drain /bundles/x');
    const [sidecar, main, hook] = machine.processes;
    expect(main?.signals).toEqual([]);
    hook?.exit(0);
    await until('the signal', () => main?.signals.length === 1);
    expect([main?.signals, sidecar?.signals]).toEqual([['SIGQUIT'], []]);
    main?.exit(0);
    await until('the signal', () => sidecar?.signals.length === 1);
    sidecar?.exit(0);
    await until('the end', () => store.list(PODS).length === 0);
    expect(readdirSync(folder)).toEqual([]);
    expect(machine.processes).toHaveLength(3);
  });

  test('is killed at the end of its grace period', async () => {
    await run();
    store.delete(PODS, 'tv', 'film-1');
    await started('drain /bundles/x');
    clock.advance(30_000);
    await until('the end', () => store.list(PODS).length === 0);
    expect(machine.processes.map(({ signals }) => signals.at(-1))).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
    expect(machine.processes).toHaveLength(3);
  });

  test('takes its hook along when it ends before it', async () => {
    await run();
    store.delete(PODS, 'tv', 'film-1');
    await started('drain /bundles/x');
    machine.process('run /bundles/main.js').exit(1);
    await until('the end of the hook', () => machine.process('drain /bundles/x').signals.includes('SIGKILL'));
    machine.process('sidecar').exit(0);
    await until('the end', () => store.list(PODS).length === 0);
  });

  test('is killed at once where nobody waits for it', async () => {
    await run();
    store.delete(PODS, 'tv', 'film-1', { graceSeconds: 0 });
    await until('the end', () => readdirSync(folder).length === 0);
    expect(machine.processes.map(({ signals }) => signals)).toEqual([['SIGKILL'], ['SIGKILL']]);
  });
});

test('at the end every container is signalled, without hooks, and killed after two seconds', async () => {
  create({ containers: [{ ...MAIN, lifecycle: { preStop: { exec: { command: ['drain'] } } } }] }, 'one');
  create({ containers: [{ ...MAIN, command: ['other'] }] }, 'two');
  await started('other');
  await started('run /bundles/main.js');
  const stopped = kubelet.stop();
  await until('the signals', () => machine.processes.every(({ signals }) => signals.length === 1));
  machine.process('other').exit(0);
  for (let round = 0; round < 5; round += 1) await new Promise(setImmediate); // nothing makes that time longer
  clock.advance(2000);
  await stopped;
  expect(machine.process('run /bundles/main.js').signals).toEqual(['SIGQUIT', 'SIGKILL']);
  expect(readdirSync(folder)).toEqual([]);
});

test('at the end a container that is just being started has no more time than the others', async () => {
  const [asked, start] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  machine.starting = () => {
    asked.resolve();
    return start.promise;
  };
  create({ terminationGracePeriodSeconds: 60, containers: [MAIN] });
  await asked.promise;
  const stopped = kubelet.stop();
  for (let round = 0; round < 5; round += 1) await new Promise(setImmediate); // nothing makes that time longer
  start.resolve();
  await started('run /bundles/main.js');
  await until('the signal', () => machine.process('run /bundles/main.js').signals.length === 1);
  clock.advance(2000);
  await stopped;
  expect(machine.process('run /bundles/main.js').signals).toEqual(['SIGQUIT', 'SIGKILL']);
});
