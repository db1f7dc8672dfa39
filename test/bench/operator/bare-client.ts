import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { API_VERSION, type Channel, type StreamSession } from '@sluice/crds';
import { buildSession } from '@sluice/operator/channel/build/session.ts';
import { CHANNEL, STREAM_SESSION } from '@sluice/operator/kinds.ts';
import type { ApplyConfiguration, Client } from '@sluice/operator/runtime/client/client.ts';
import type { Connection } from '@sluice/operator/runtime/client/connection.ts';
import { collectionPath, objectPath } from '@sluice/operator/runtime/client/paths.ts';
import { buildPod } from '@sluice/operator/session/build/pod.ts';
import { buildSecret } from '@sluice/operator/session/build/secret.ts';
import { type Dispatcher, request } from 'undici';
import type { MachineTime } from './machine-time.ts';
import { BARE_NAMESPACE, channelName, channelObject, viewersOf } from './objects.ts';
import { inParallel, PARALLEL_CALLS } from './parallel.ts';

/** How many writes of each kind an operator needed. */
export interface WriteCounts {
  readonly channelStatuses: number;
  readonly sessionStatuses: number;
  readonly events: number;
}

/** What the bare client writes: objects as the operator left them, once more in another namespace. */
export interface BareWrites {
  readonly channels: number;
  readonly counts: WriteCounts;
  /** Statuses of the channel with this number, and of its session if it has one. */
  readonly status: (index: number) => { readonly channel: object; readonly session: object | null };
  /** Begins to measure the machine; what it gives ends that. */
  readonly watch: () => Promise<() => Promise<MachineTime>>;
}

/** What the writes took. */
export interface BareRun {
  /** From the first write to the end of the last. */
  readonly seconds: number;
  /** Of this process meanwhile. */
  readonly cpuSeconds: number;
}

const SETTLE_SECONDS = 3;

/** Makes fresh Channels, then does the operator's writes upon them with nothing but an HTTP client. */
export async function timeBareClient(
  client: Client,
  connection: Connection,
  writes: BareWrites,
): Promise<{ readonly bare: BareRun; readonly machine: MachineTime }> {
  const channels: Channel[] = [];
  const indexes = Array.from({ length: writes.channels }, (_, index) => index);
  await inParallel(
    indexes.map((index) => async () => {
      channels[index] = await client.create(CHANNEL, channelObject(BARE_NAMESPACE, index));
    }),
  );
  await sleep(SETTLE_SECONDS * 1000);
  const bare = new BareClient(connection);
  const measured = await writes.watch();
  const started = performance.now();
  const before = process.cpuUsage();
  await inParallel(tasksOf(bare, channels, writes));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const machine = await measured();
  await bare.close();
  return { bare: { seconds, cpuSeconds: (user + system) / 1e6 }, machine };
}

function* tasksOf(bare: BareClient, channels: readonly Channel[], writes: BareWrites): Generator<() => Promise<void>> {
  const { counts, status } = writes;
  const transcoded = channels.filter((_, index) => viewersOf(index) >= 4);
  for (const channel of transcoded) {
    const rounds = Math.round(counts.sessionStatuses / transcoded.length);
    const index = channels.indexOf(channel);
    yield () => bare.session(channel, status(index).session ?? {}, rounds);
  }
  for (let count = 0; count < counts.channelStatuses; count += 1) {
    const channel = channels[count % channels.length];
    const wanted = { ...status(count % channels.length).channel, lastMsn: count };
    if (channel !== undefined) yield () => bare.status(CHANNEL, channel, wanted);
  }
  for (let count = 0; count < counts.events; count += 1) yield () => bare.event(count);
}

class BareClient {
  readonly #connection: Connection;
  readonly #dispatcher: Dispatcher;

  constructor(connection: Connection) {
    this.#connection = connection;
    const limits = { headersTimeoutSeconds: 60, bodyTimeoutSeconds: 60, connections: PARALLEL_CALLS, allowH2: false };
    this.#dispatcher = connection.createDispatcher(limits);
  }

  /** Session, Secret, pod, and the session's status several times. */
  async session(channel: Channel, status: object, rounds: number): Promise<void> {
    const name = `${channel.metadata.name}-1`;
    const { metadata } = await this.#send<StreamSession>(
      'POST',
      collectionPath(STREAM_SESSION, BARE_NAMESPACE),
      buildSession(channel, name, channel.spec.transcode.ladder),
    );
    const session = { ...buildSession(channel, name, channel.spec.transcode.ladder), metadata };
    await this.#send('POST', `/api/v1/namespaces/${BARE_NAMESPACE}/secrets`, buildSecret(session, 'token'));
    const settings = { image: 'sluice/transcoder:bench', pullPolicy: 'Never', edgeUrl: 'http://edge:8081' } as const;
    await this.#send('POST', `/api/v1/namespaces/${BARE_NAMESPACE}/pods`, buildPod(session, 1, null, settings));
    for (let round = 0; round < rounds; round += 1) {
      await this.status(STREAM_SESSION, session, { ...status, restarts: round });
    }
  }

  async status(type: typeof CHANNEL | typeof STREAM_SESSION, object: Channel | StreamSession, status: object) {
    const { name, namespace = '', uid } = object.metadata;
    const path = `${objectPath(type, { namespace, name }, 'status')}?fieldManager=bare&force=true`;
    await this.#send('PATCH', path, { apiVersion: API_VERSION, kind: type.kind, metadata: { name, uid }, status });
  }

  async event(count: number): Promise<void> {
    const regarding = { apiVersion: API_VERSION, kind: 'Channel', namespace: BARE_NAMESPACE, name: channelName(count) };
    await this.#send('POST', `/apis/events.k8s.io/v1/namespaces/${BARE_NAMESPACE}/events`, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: BARE_NAMESPACE, name: `bare-${count}` },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: 'bare',
      reportingInstance: 'bare',
      action: 'ModeChanged',
      reason: 'ModeChanged',
      type: 'Normal',
      note: 'Idle -> Proxy: 2 viewers',
      regarding,
    });
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }

  async #send<T>(method: 'POST' | 'PATCH', path: string, body: object | ApplyConfiguration): Promise<T> {
    const { server, authorization } = this.#connection;
    const contentType = method === 'POST' ? 'application/json' : 'application/apply-patch+yaml';
    const answer = await request(`${server}${path}`, {
      method,
      dispatcher: this.#dispatcher,
      headers: { accept: 'application/json', 'content-type': contentType, ...(await authorization()) },
      body: JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode < 300) return JSON.parse(text) as T;
    throw new SluiceError(`${method} ${path}: ${text}`, { code: 'BARE_WRITE_FAILED', retryable: false });
  }
}
