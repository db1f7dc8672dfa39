import { SluiceError } from '@sluice/common/errors/error.ts';
import { API_VERSION, type Channel, type StreamSession } from '@sluice/crds';
import { buildSession } from '@sluice/operator/channel/build/session.ts';
import { CHANNEL, STREAM_SESSION } from '@sluice/operator/kinds.ts';
import type { ApplyConfiguration } from '@sluice/operator/runtime/client/client.ts';
import type { Connection } from '@sluice/operator/runtime/client/connection.ts';
import { collectionPath, objectPath } from '@sluice/operator/runtime/client/paths.ts';
import { buildPod } from '@sluice/operator/session/build/pod.ts';
import { buildSecret } from '@sluice/operator/session/build/secret.ts';
import { type Dispatcher, request } from 'undici';
import { CHANNEL_NAMESPACE, channelName, viewersOf } from './objects.ts';
import { PARALLEL_CALLS } from './parallel.ts';

/** How many writes of each kind an operator needed. */
export interface WriteCounts {
  readonly channelStatuses: number;
  readonly sessionStatuses: number;
  readonly events: number;
}

/** Statuses of a channel, and of its session if it has one, as an operator left them. */
export interface LeftStatus {
  readonly channel: object;
  readonly session: object | null;
}

/** An operator's writes, upon channels on which nothing has been done yet. */
export interface BareWrites {
  readonly channels: readonly Channel[];
  readonly counts: WriteCounts;
  readonly left: readonly LeftStatus[];
}

/** The writes as tasks, in an operator's order: sessions first. */
export function* tasksOf(bare: BareClient, { channels, counts, left }: BareWrites): Generator<() => Promise<void>> {
  const transcoded = [...channels.entries()].filter(([index]) => viewersOf(index) >= 4);
  const rounds = Math.round(counts.sessionStatuses / transcoded.length);
  for (const [index, channel] of transcoded) yield () => bare.session(channel, left[index]?.session ?? {}, rounds);
  for (let count = 0; count < counts.channelStatuses; count += 1) {
    const index = count % channels.length;
    const channel = channels[index];
    const wanted = { ...left[index]?.channel, lastMsn: count };
    if (channel !== undefined) yield () => bare.status(CHANNEL, channel, wanted);
  }
  for (let count = 0; count < counts.events; count += 1) yield () => bare.event(count);
}

/** Makes an operator's requests with nothing but an HTTP client: it decides nothing, and watches nothing. */
export class BareClient {
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
      collectionPath(STREAM_SESSION, CHANNEL_NAMESPACE),
      buildSession(channel, name, channel.spec.transcode.ladder),
    );
    const session = { ...buildSession(channel, name, channel.spec.transcode.ladder), metadata };
    await this.#send('POST', `/api/v1/namespaces/${CHANNEL_NAMESPACE}/secrets`, buildSecret(session, 'token'));
    const settings = { image: 'sluice/transcoder:bench', pullPolicy: 'Never', edgeUrl: 'http://edge:8081' } as const;
    await this.#send('POST', `/api/v1/namespaces/${CHANNEL_NAMESPACE}/pods`, buildPod(session, 1, null, settings));
    for (let round = 0; round < rounds; round += 1) {
      await this.status(STREAM_SESSION, session, { ...status, restarts: round });
    }
  }

  /** Applies a status. */
  async status(type: typeof CHANNEL | typeof STREAM_SESSION, object: Channel | StreamSession, status: object) {
    const { name, namespace = '', uid } = object.metadata;
    const path = `${objectPath(type, { namespace, name }, 'status')}?fieldManager=bare&force=true`;
    await this.#send('PATCH', path, { apiVersion: API_VERSION, kind: type.kind, metadata: { name, uid }, status });
  }

  /** Makes an event with this number. */
  async event(count: number): Promise<void> {
    const regarding = {
      apiVersion: API_VERSION,
      kind: 'Channel',
      namespace: CHANNEL_NAMESPACE,
      name: channelName(count),
    };
    await this.#send('POST', `/apis/events.k8s.io/v1/namespaces/${CHANNEL_NAMESPACE}/events`, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: CHANNEL_NAMESPACE, name: `bare-${count}` },
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

  /** Closes its connections. */
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
