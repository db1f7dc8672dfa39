import { setTimeout as sleep } from 'node:timers/promises';
import { createViewerClient, type ViewerClient } from './client.ts';
import { type PlayOptions, play } from './play.ts';

/** Virtual viewers of one channel. */
export interface CrowdOptions {
  readonly edgeUrl: string;
  readonly namespace: string;
  readonly channel: string;
  readonly count: number;
  readonly rung: string;
  readonly fetchesSegments: boolean;
  /** Whether they send heartbeats as the viewer page does, and say there when they cannot reach a Direct source. */
  readonly heartbeats: boolean;
  /** Start of their session ids; two crowds with the same one would be the same viewers. */
  readonly sessionPrefix: string;
}

/** How a crowd is doing. */
export interface CrowdReport {
  /** Viewers that have had a playlist within {@link PLAYING_MILLISECONDS}. */
  readonly playing: number;
  /** Segments and their bytes so far. */
  readonly segments: number;
  readonly bytes: number;
  readonly problems: number;
  /** The newest problem; empty without any. */
  readonly lastProblem: string;
}

/** Viewers that watch until they are stopped, whatever goes wrong meanwhile. */
export interface Crowd {
  report(): CrowdReport;
  /** All of them leave. @returns how many could say so */
  stop(): Promise<number>;
}

/** A viewer without a playlist for so long sees a picture that stands still: three polls at the usual target duration of 6 s. */
const PLAYING_MILLISECONDS = 18_000;
/** They do not arrive in the same instant, as people do not; a hundred are there after two seconds. */
const ARRIVAL_MILLISECONDS = 20;
/** Pause before a viewer opens the channel again, in milliseconds. */
const REOPEN_MILLISECONDS = 2000;

interface Member {
  readonly session: string;
  readonly client: ViewerClient;
  readonly playing: Promise<void>;
}

/** Lets viewers arrive one after the other. They keep no history: a crowd may watch for days. */
export function startCrowd(options: CrowdOptions): Crowd {
  const stopping = new AbortController();
  const { signal } = stopping;
  const state = { segments: 0, bytes: 0, problems: 0, lastProblem: '', polledAt: new Map<string, number>() };
  const members = Array.from({ length: options.count }, (_, index): Member => {
    const session = `${options.sessionPrefix}-${index}`;
    const client = createViewerClient({});
    const playing = sleep(index * ARRIVAL_MILLISECONDS, undefined, { signal })
      .then(() => Promise.all([watch(session, client), ...(options.heartbeats ? [beat(session, client)] : [])]))
      .then(noop, noop);
    return { session, client, playing };
  });

  function onProblem(problem: string): void {
    state.problems += 1;
    state.lastProblem = problem;
  }

  async function watch(session: string, client: ViewerClient): Promise<never> {
    const playOptions: PlayOptions = { ...options, session };
    for (;;) {
      await play(playOptions, client, observerOf(session, client), signal).catch((error: unknown) => {
        signal.throwIfAborted();
        onProblem(String(error));
      });
      await sleep(REOPEN_MILLISECONDS, undefined, { signal });
    }
  }

  function observerOf(session: string, client: ViewerClient) {
    return {
      onPoll: (): void => void state.polledAt.set(session, performance.now()),
      async onDownload({ status, bytes }: { readonly status: number; readonly bytes: number }): Promise<void> {
        if (status === 200) state.segments += 1;
        state.bytes += bytes;
      },
      onProblem(problem: string): void {
        onProblem(problem);
        // A segment that is not at the edge is at the source.
        if (options.heartbeats && !problem.startsWith(options.edgeUrl))
          void sendHeartbeat(session, client, problem).catch(noop);
      },
    };
  }

  async function beat(session: string, client: ViewerClient): Promise<never> {
    for (;;) {
      const pauseSeconds = await sendHeartbeat(session, client).catch((error: unknown) => {
        signal.throwIfAborted();
        onProblem(`heartbeat: ${String(error)}`);
        return REOPEN_MILLISECONDS / 1000;
      });
      await sleep(pauseSeconds * 1000, undefined, { signal });
    }
  }

  const body = (session: string) => ({ channelId: `${options.namespace}/${options.channel}`, sessionId: session });

  /** @returns after how many seconds the edge wants the next one */
  async function sendHeartbeat(session: string, client: ViewerClient, sourceError?: string): Promise<number> {
    const error = sourceError === undefined ? {} : { sourceError: sourceError.slice(0, 200) };
    const answer = await client.post(`${options.edgeUrl}/api/stream/heartbeat`, { ...body(session), ...error });
    if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
    return (JSON.parse(answer.body.toString()) as { nextHeartbeatSeconds: number }).nextHeartbeatSeconds;
  }

  return {
    report() {
      const { polledAt, ...counts } = state;
      const since = performance.now() - PLAYING_MILLISECONDS;
      return { ...counts, playing: [...polledAt.values()].filter((at) => at > since).length };
    },
    async stop() {
      stopping.abort();
      const left = members.map(async ({ session, client, playing }) => {
        await playing;
        const answer = await client.post(`${options.edgeUrl}/api/stream/leave`, body(session)).catch(() => null);
        await client.close();
        return answer?.status === 204;
      });
      return (await Promise.all(left)).filter(Boolean).length;
    },
  };
}

function noop(): void {}
