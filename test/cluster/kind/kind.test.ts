import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chooseBackend, kindMarker } from '../backend.ts';
import { type ClusterConfig, readConfig } from '../config.ts';
import { createProgress } from '../progress.ts';
import type { KindCommands } from './commands.ts';
import { ensureInDocker, ensureKindCluster, loadIntoKind, stopKindCluster } from './kind.ts';
import { openRoutes } from './routes.ts';

const NODE = 'sluice-control-plane';
const KUBECONFIG = 'apiVersion: v1\nkind: Config\n';
const quiet = createProgress(() => {});
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-kind-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function configure(environment: Readonly<Record<string, string>> = {}): ClusterConfig {
  return readConfig({ SLUICE_CACHE: folder, PATH: folder, ...environment });
}

/** What the two programs answer, by the start of the command line; a command without an answer here prints nothing. */
type Answers = Readonly<Record<string, string | Error>>;

/** Records the command lines; `docker cp` leaves a file, as the real one does. */
function record(prepared: Answers) {
  const lines: string[] = [];
  const call =
    (program: string) =>
    async (...args: string[]) => {
      const line = [program, ...args].join(' ');
      lines.push(line.replaceAll(folder, 'FOLDER'));
      if (line.startsWith('docker cp')) writeFileSync(args.at(-1) ?? '', 'kubectl');
      const found = Object.entries(prepared).find(([start]) => line.startsWith(start))?.[1] ?? '';
      if (found instanceof Error) throw found;
      return found;
    };
  const commands: KindCommands = { kind: call('kind'), docker: call('docker') };
  return { lines, commands };
}

const NONE: Answers = {
  'kind get kubeconfig': KUBECONFIG,
  'docker inspect --format {{range': '172.18.0.2\n',
};
const RUNNING: Answers = { ...NONE, 'kind get clusters': 'other\nsluice\n' };

describe('the backend', () => {
  const docker = (exitCode: number) => {
    writeFileSync(join(folder, 'docker'), `#!/bin/sh\n[ "$*" = info ] && exit ${exitCode}\nexit 7\n`, { mode: 0o755 });
  };

  test('is kind where "docker info" answers', async () => {
    docker(0);
    expect(await chooseBackend(configure())).toBe('kind');
  });

  test('is this machine where Docker has a client but no daemon', async () => {
    docker(1);
    expect(await chooseBackend(configure())).toBe('node');
  });

  test('is this machine where there is no Docker', async () => {
    expect(await chooseBackend(configure())).toBe('node');
  });

  test.each(['kind', 'node'] as const)('stays %s as long as its cluster is there', async (backend) => {
    docker(backend === 'kind' ? 1 : 0);
    const config = configure();
    mkdirSync(config.stateDirectory);
    writeFileSync(backend === 'kind' ? kindMarker(config) : join(config.stateDirectory, 'machine.json'), '');
    expect(await chooseBackend(config)).toBe(backend);
  });
});

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a kind cluster', () => {
  const create = 'kind create cluster --name sluice --kubeconfig FOLDER/cluster/kubeconfig --wait 180s';
  const ready = `docker exec ${NODE} kubectl get --raw /readyz --request-timeout 5s`;
  const describeNode = [
    'kind get kubeconfig --name sluice',
    `docker cp --follow-link ${NODE}:/usr/bin/kubectl FOLDER/cluster/kubectl`,
    `docker inspect --format {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} ${NODE}`,
  ];

  test.each<[string, Answers, Readonly<Record<string, string>>, readonly string[]]>([
    ['is made where there is none', NONE, {}, ['kind get clusters', 'kind delete cluster --name sluice', create]],
    ['that answers is left alone', RUNNING, {}, ['kind get clusters', ready]],
    [
      'that does not answer is made anew',
      { ...RUNNING, 'docker exec': new Error('refused') },
      {},
      ['kind get clusters', ready, 'kind delete cluster --name sluice', create],
    ],
    [
      'takes the node image of SLUICE_KIND_NODE_IMAGE',
      NONE,
      { SLUICE_KIND_NODE_IMAGE: 'our/node:1' },
      ['kind get clusters', 'kind delete cluster --name sluice', `${create} --image our/node:1`],
    ],
  ])('%s', async (_, prepared, environment, expected) => {
    const { lines, commands } = record(prepared);
    const config = configure(environment);
    const cluster = await ensureKindCluster(config, quiet, commands);
    expect(lines).toEqual([...expected, ...describeNode]);
    expect(cluster.nodeAddress).toBe('172.18.0.2');
    expect(readFileSync(cluster.kubeconfigPath, 'utf8')).toBe(KUBECONFIG);
    expect(existsSync(cluster.kubectlPath)).toBe(true);
    expect(existsSync(kindMarker(config))).toBe(true);
  });

  test('that cannot be made says why and what to do, and leaves the choice of the backend open', async () => {
    const config = configure();
    const pull = new Error('failed to pull image "kindest/node:v1.37.0"');
    const failed = ensureKindCluster(config, quiet, record({ 'kind create': pull }).commands);
    await expect(failed).rejects.toMatchObject({ code: 'KIND_FAILED' });
    await expect(failed).rejects.toThrow(/name one that Docker has in SLUICE_KIND_NODE_IMAGE.*failed to pull image/);
    expect(existsSync(kindMarker(config))).toBe(false);
  });

  test('is removed with the routes that led into it', async () => {
    const { lines, commands } = record({ 'docker inspect --format {{.Image}}': 'sha256:1\n' });
    const config = configure();
    mkdirSync(config.stateDirectory);
    await openRoutes(config, commands.docker, NODE, '172.18.0.2');
    await stopKindCluster(config, quiet, commands);
    const ip = 'docker run --rm --network host --cap-add NET_ADMIN --entrypoint ip sha256:1';
    expect(lines.filter((line) => !line.startsWith('docker inspect'))).toEqual([
      `${ip} route replace 10.244.0.0/16 via 172.18.0.2`,
      `${ip} route replace 10.96.0.0/16 via 172.18.0.2`,
      `${ip} route delete 10.244.0.0/16`,
      `${ip} route delete 10.96.0.0/16`,
      'kind delete cluster --name sluice',
    ]);
    expect(existsSync(config.stateDirectory)).toBe(false);
  });
});

describe('images for a kind cluster', () => {
  test('are given to the node in one go', async () => {
    const { lines, commands } = record({});
    await loadIntoKind(configure(), quiet, ['docker.io/sluice/edge:1', 'docker.io/sluice/operator:2'], commands);
    expect(lines).toEqual(['kind load docker-image --name sluice docker.io/sluice/edge:1 docker.io/sluice/operator:2']);
  });

  test.each<[string, Answers, readonly string[]]>([
    ['are not pulled where Docker has them', {}, ['docker image inspect a:1']],
    [
      'are pulled where Docker has them not',
      { 'docker image inspect': new Error('No such image') },
      ['docker image inspect a:1', 'docker pull --quiet a:1'],
    ],
  ])('%s', async (_, prepared, expected) => {
    const { lines, commands } = record(prepared);
    await ensureInDocker(configure(), quiet, 'a:1', commands);
    expect(lines).toEqual(expected);
  });
});
