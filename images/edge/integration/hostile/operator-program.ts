import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type EdgeLinkKeys, makeEdgeKeys, makeOperatorKeys } from '@sluice/operator/keys/link-keys.ts';
import type { EdgeEndpoint } from '@sluice/operator/link/endpoints.ts';
import { type FakeApiServer, startFakeApiServer } from '@sluice/operator/runtime/testing/fake-api-server.ts';
import { channelFixture } from '@sluice/operator/testing/fixtures.ts';
import { SERVED, SYSTEM_NAMESPACE } from '@sluice/operator/testing/harness.ts';
import { imageSettings } from '@sluice/test/bench/image-settings.ts';
import { endingWithParent } from '../ending-with-parent.ts';
import { freePorts } from '../programs.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const MAIN = join(ROOT, 'operator/src/main.ts');
const COLLECTING = ['--expose-gc', '--import', pathToFileURL(join(import.meta.dirname, 'collect-on-signal.mjs')).href];
const SERVICE = 'sluice-edge-internal';
const SECRETS = { edge: 'sluice-link', operator: 'sluice-link-operator' } as const;
const LEASES = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true };

const kubeconfigOf = (server: string): string =>
  JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
    // Plain HTTP on loopback, which the client takes for this alone.
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'of-nobody' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  });

/** The operator as its pod runs it, a process of its own, at a Kubernetes API that keeps its objects in memory. */
export class OperatorProgram {
  readonly keys: EdgeLinkKeys;
  readonly #api: FakeApiServer;
  readonly #folder: string;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(api: FakeApiServer, folder: string, keys: EdgeLinkKeys, child: ChildProcess) {
    this.#api = api;
    this.#folder = folder;
    this.keys = keys;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-20_000);
      });
    }
  }

  /** Starts it at an API with so many Channels; it leads when it has the lease. */
  static async start(channels: number): Promise<OperatorProgram> {
    const api = await startFakeApiServer({ kinds: [...Object.values(SERVED), LEASES] });
    const folder = await mkdtemp(join(tmpdir(), 'sluice-operator-'));
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigOf(api.url));
    const operator = makeOperatorKeys();
    const keys = await makeEdgeKeys(operator['operator.key'], Date.now());
    storeSecret(api, SECRETS.operator, operator);
    storeSecret(api, SECRETS.edge, keys);
    for (let index = 0; index < channels; index += 1) storeChannel(api, `channel-${index}`);
    const { flags, environment } = imageSettings(ROOT, 'operator');
    const { operations } = await freePorts();
    const words = [process.execPath, ...flags, ...COLLECTING, '--no-warnings', MAIN] as const;
    const [command, ...rest] = endingWithParent(words);
    const child = spawn(command, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...{ PATH: process.env.PATH, ...environment, KUBECONFIG: kubeconfig, SLUICE_NAMESPACE: SYSTEM_NAMESPACE },
        ...{ SLUICE_EDGE_SERVICE: SERVICE, SLUICE_EDGE_INTERNAL_URL: 'http://edge:8081' },
        ...{ SLUICE_LINK_SECRET: SECRETS.edge, SLUICE_LINK_OPERATOR_SECRET: SECRETS.operator },
        ...{ SLUICE_TRANSCODER_IMAGE: 'sluice/transcoder:test', SLUICE_OPERATIONS_PORT: String(operations) },
        ...{ SLUICE_BIND_ADDRESS: '127.0.0.1', SLUICE_LOG_LEVEL: 'warn' },
      },
    });
    return new OperatorProgram(api, folder, keys, child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it has logged last. */
  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Uids of all Channels. */
  get uids(): readonly string[] {
    return this.#api.store.list(SERVED.channels).map(({ metadata }) => String((metadata as { uid: string }).uid));
  }

  /** An edge pod is there: an EndpointSlice names it. */
  add({ podName, podUid, linkAddress }: EdgeEndpoint): void {
    const [address = '', port] = linkAddress.split(':');
    const labels = { 'kubernetes.io/service-name': SERVICE };
    const slice = {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
      metadata: { name: podUid, namespace: SYSTEM_NAMESPACE, labels },
      ports: [
        { name: 'internal', port: 8081 },
        { name: 'link', port: Number(port) },
      ],
      endpoints: [
        { addresses: [address], conditions: { ready: true }, targetRef: { kind: 'Pod', name: podName, uid: podUid } },
      ],
    };
    this.#api.store.create(SERVED.slices, slice, 'kube-controller-manager');
  }

  /** It is gone. */
  remove({ podUid }: Pick<EdgeEndpoint, 'podUid'>): void {
    this.#api.store.delete(SERVED.slices, SYSTEM_NAMESPACE, podUid);
  }

  async stop(): Promise<void> {
    if (this.isRunning) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    await this.#api.close();
    await rm(this.#folder, { recursive: true });
  }
}

function storeSecret(api: FakeApiServer, name: string, texts: object): void {
  const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')]);
  const metadata = { name, namespace: SYSTEM_NAMESPACE };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, data: Object.fromEntries(data) };
  api.store.create(SERVED.secrets, secret, 'kubectl');
}

function storeChannel(api: FakeApiServer, name: string): void {
  const { metadata, spec, ...channel } = channelFixture({});
  // Seats that nobody runs out of.
  const viewers = { ...spec.viewers, maxViewers: 1_000_000 };
  const object = { ...channel, spec: { ...spec, viewers }, metadata: { namespace: metadata.namespace, name } };
  api.store.create(SERVED.channels, JSON.parse(JSON.stringify(object)), 'kubectl');
}
