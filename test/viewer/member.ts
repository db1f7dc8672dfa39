import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewerClient } from './client.ts';
import type { CrowdTally } from './crowd-tally.ts';
import { playlistViolations, updateViolations } from './invariants.ts';
import type { MediaPlaylist } from './media-playlist.ts';
import { type Download, type PlayObserver, type PlayOptions, play } from './play.ts';
import { PlaybackBuffer } from './playback-buffer.ts';

/** One viewer of a crowd. */
export interface MemberOptions extends PlayOptions {
  readonly session: string;
  /** Whether it sends heartbeats as the viewer page does, and says there when it cannot reach a Direct source. */
  readonly heartbeats: boolean;
  /** Whether it holds each playlist, and each change of it, against the rules of RFC 8216bis. */
  readonly checksPlaylists: boolean;
}

/** Pause before a viewer opens the channel again, or sends a heartbeat again that failed, in milliseconds. */
const REOPEN_MILLISECONDS = 2000;

/** Plays until the signal is given, whatever goes wrong meanwhile. Never rejects. */
export async function playOn(
  options: MemberOptions,
  client: ViewerClient,
  tally: CrowdTally,
  signal: AbortSignal,
): Promise<void> {
  const beating = options.heartbeats ? [beat(options, client, tally, signal)] : [];
  await Promise.allSettled([watch(options, client, tally, signal), ...beating]);
}

/** Says goodbye as a page does that is closed. @returns whether the edge heard it */
export async function leave(options: MemberOptions, client: ViewerClient): Promise<boolean> {
  const answer = await client.post(`${options.edgeUrl}/api/stream/leave`, idsOf(options)).catch(() => null);
  return answer?.status === 204;
}

async function watch(
  options: MemberOptions,
  client: ViewerClient,
  tally: CrowdTally,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    const observer = observe(options, client, tally);
    await play(options, client, observer, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      tally.problem(String(error), error);
    });
    await sleep(REOPEN_MILLISECONDS, undefined, { signal });
  }
}

function observe(options: MemberOptions, client: ViewerClient, tally: CrowdTally): PlayObserver {
  const buffer = new PlaybackBuffer();
  let before: MediaPlaylist | null = null;
  return {
    onPoll({ atMilliseconds, playlist }) {
      tally.polled(options.session, atMilliseconds);
      if (!options.checksPlaylists) return;
      const updates = before === null ? [] : updateViolations(before, playlist);
      for (const violation of [...playlistViolations(playlist), ...updates]) tally.problem(violation);
      before = playlist;
    },
    async onDownload(download: Download) {
      const endedAt = download.atMilliseconds + download.milliseconds;
      tally.downloaded(download, download.status === 200 ? buffer.add(endedAt, download.durationSeconds) : 0);
    },
    onProblem(problem, cause) {
      tally.problem(problem, cause);
      // A segment that is not at the edge is at the source.
      if (options.heartbeats && !problem.startsWith(options.edgeUrl))
        void sendHeartbeat(options, client, problem).catch(() => {});
    },
  };
}

async function beat(
  options: MemberOptions,
  client: ViewerClient,
  tally: CrowdTally,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    const pauseSeconds = await sendHeartbeat(options, client).catch((error: unknown) => {
      signal.throwIfAborted();
      tally.problem(`heartbeat: ${String(error)}`, error);
      return REOPEN_MILLISECONDS / 1000;
    });
    await sleep(pauseSeconds * 1000, undefined, { signal });
  }
}

/** @returns after how many seconds the edge wants the next one */
async function sendHeartbeat(options: MemberOptions, client: ViewerClient, sourceError?: string): Promise<number> {
  const error = sourceError === undefined ? {} : { sourceError: sourceError.slice(0, 200) };
  const answer = await client.post(`${options.edgeUrl}/api/stream/heartbeat`, { ...idsOf(options), ...error });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
  return (JSON.parse(answer.body.toString()) as { nextHeartbeatSeconds: number }).nextHeartbeatSeconds;
}

function idsOf({ namespace, channel, session }: MemberOptions): object {
  return { channelId: `${namespace}/${channel}`, sessionId: session };
}
