import type { Mode } from '@sluice/common/link/mode.ts';
import type { Channel, StreamSession } from '@sluice/crds';
import { CHANNEL, POD, type Pod, STREAM_SESSION } from '@sluice/operator/kinds.ts';
import { ATTEMPT_LABEL, CHANNEL_LABEL, SESSION_LABEL } from '@sluice/operator/labels.ts';
import { createReflector, type Reflector } from '@sluice/operator/runtime/cache/reflector.ts';
import type { Client, KubernetesObject, ResourceType } from '@sluice/operator/runtime/client/client.ts';
import { keyOf } from '@sluice/operator/runtime/client/client.ts';
import type { BenchEdges } from './edges.ts';
import { CHANNEL_NAMESPACE, channelName } from './objects.ts';

/** Taken as the API server sends it: reading it by the schema would cost the machine as much as the operator does. */
function unread<T extends KubernetesObject>(type: ResourceType<T>): ResourceType<T> {
  return { ...type, parse: (raw) => raw as T, parseStatus: (raw) => raw };
}

/** Mode by number of viewers, with the default thresholds. */
export function modeFor(viewers: number): Mode {
  if (viewers >= 4) return 'Transcode';
  if (viewers >= 2) return 'Proxy';
  return viewers === 1 ? 'Direct' : 'Idle';
}

/**
 * What the API server shows of the channels, against what their audiences ask for; counted as it changes, so that
 * looking at ten thousand of them costs the measured program nothing.
 */
export class World {
  readonly #channels: Reflector<Channel>;
  readonly #sessions: Reflector<StreamSession>;
  readonly #pods: Reflector<Pod>;
  readonly #viewers = new Map<string, number>();
  readonly #behind = new Set<string>();

  constructor(client: Client, edges: BenchEdges) {
    const selection = { namespace: CHANNEL_NAMESPACE };
    this.#channels = createReflector({ client, type: unread(CHANNEL), selection });
    this.#sessions = createReflector({ client, type: unread(STREAM_SESSION), selection });
    this.#pods = createReflector({ client, type: unread(POD), selection });
    this.#channels.onChange(({ after }) => after !== null && this.#judge(after.metadata.name));
    this.#sessions.onChange(({ after }) => after !== null && this.#judge(after.spec.channelRef.name));
    this.#pods.onChange(({ after }) => {
      const {
        [SESSION_LABEL]: session,
        [CHANNEL_LABEL]: name,
        [ATTEMPT_LABEL]: attempt,
      } = after?.metadata.labels ?? {};
      if (after?.status.phase !== 'Running' || session === undefined || name === undefined) return;
      edges.sessionRuns(this.uidOf(name), session, Number(attempt));
    });
  }

  /** Resolves when everything that exists is known. */
  async start(): Promise<void> {
    const all = [this.#channels, this.#sessions, this.#pods];
    for (const reflector of all) reflector.start();
    await Promise.all(all.map(({ synced }) => synced));
  }

  async stop(): Promise<void> {
    await Promise.all([this.#channels, this.#sessions, this.#pods].map((reflector) => reflector.stop()));
  }

  /** This many watch the channel; from now on it is expected to become what that asks for. */
  expect(name: string, viewers: number): void {
    this.#viewers.set(name, viewers);
    this.#judge(name);
  }

  /** Channels whose status, session or pod is not yet what it should be. */
  get behind(): number {
    return this.#behind.size;
  }

  /** One that is behind, for messages. */
  get example(): string {
    const [name = ''] = this.#behind;
    return `${name}: ${JSON.stringify(this.channel(name)?.status ?? null)}`;
  }

  channel(name: string): Channel | undefined {
    return this.#channels.store.get(keyOf({ namespace: CHANNEL_NAMESPACE, name }));
  }

  /** @throws Error if there is no such channel */
  uidOf(name: string): string {
    const uid = this.channel(name)?.metadata.uid;
    if (uid === undefined) throw new Error(`no such channel: ${name}`);
    return uid;
  }

  /** Statuses of the channel with this number and of its session, as they stand. */
  statusOf(index: number): { readonly channel: object; readonly session: object | null } {
    const channel = this.channel(channelName(index))?.status ?? {};
    const session = this.#sessions.store.get(`${CHANNEL_NAMESPACE}/${channel.session?.name ?? ''}`);
    return { channel, session: session?.status ?? null };
  }

  #judge(name: string): void {
    const viewers = this.#viewers.get(name);
    if (viewers === undefined) return;
    if (this.#isThere(name, viewers)) this.#behind.delete(name);
    else this.#behind.add(name);
  }

  #isThere(name: string, viewers: number): boolean {
    const status = this.channel(name)?.status;
    const mode = modeFor(viewers);
    if (status?.mode !== mode || status.desiredMode !== mode || status.url === undefined) return false;
    if (mode !== 'Transcode') return true;
    const session = status.session?.name ?? '';
    return (
      this.#sessions.store.get(keyOf({ namespace: CHANNEL_NAMESPACE, name: session }))?.status?.phase === 'Running'
    );
  }
}
