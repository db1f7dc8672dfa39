import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewerClient } from './client.ts';
import type { Poll } from './invariants.ts';
import { type MediaPlaylist, parseMediaPlaylist } from './media-playlist.ts';
import { type Pause, RETRY_MILLISECONDS, SegmentLoader } from './segment-loader.ts';

/** What a virtual viewer plays. */
export interface PlayOptions {
  /** Base URL of the edge, without a slash at the end. */
  readonly edgeUrl: string;
  readonly namespace: string;
  readonly channel: string;
  /** Its session id; left out, the edge mints one. */
  readonly session?: string;
  /** Which media playlist it plays, by name; `source` if left out. */
  readonly rung?: string;
  /** Whether it fetches the segments, or reads playlists only. */
  readonly fetchesSegments: boolean;
  /** Whether the segments' bytes are only counted. */
  readonly discardsSegments?: boolean;
  /** Reads media playlists; a crowd of viewers shares what it has read. {@link parseMediaPlaylist} if left out. */
  readonly readPlaylist?: (text: string) => MediaPlaylist;
}

/** One segment that a viewer fetched. */
export interface Download {
  readonly msn: number;
  readonly url: string;
  readonly status: number;
  readonly bytes: number;
  /** Of its film. */
  readonly durationSeconds: number;
  /** When it was asked for, in milliseconds of one clock for all viewers of this process. */
  readonly atMilliseconds: number;
  /** From the request to the last byte, in milliseconds. */
  readonly milliseconds: number;
}

/** Is told what happens to a viewer. */
export interface PlayObserver {
  /** A media playlist was read; the first one means that the viewer plays. */
  onPoll(poll: Poll): void;
  /** A segment was answered, whatever the status. */
  onDownload(download: Download, body: Buffer): Promise<void>;
  /**
   * Something went wrong that a person would have seen, as a sentence; the viewer goes on.
   * @param cause what was thrown; undefined where there was an answer
   */
  onProblem(problem: string, cause?: unknown): void;
}

/** A real player starts three target durations behind the end (RFC 8216bis 6.3.3). */
const START_SEGMENTS_FROM_END = 3;

/**
 * Plays a channel with the timing of a real player until the signal is given: reads the multivariant playlist, polls
 * one media playlist once per target duration (half of it when nothing was new, RFC 8216bis 6.3.4), however long a segment
 * takes, and fetches each segment once.
 * @param pause waits so many milliseconds; rejects when the signal is given
 * @throws Error if the multivariant playlist cannot be had, or the signal is given
 */
export async function play(
  options: PlayOptions,
  client: ViewerClient,
  observer: PlayObserver,
  signal: AbortSignal,
  pause: Pause = (milliseconds, until) => sleep(milliseconds, undefined, { signal: until }),
): Promise<never> {
  const playlistUrl = await findMediaPlaylist(options, client, signal);
  const { readPlaylist = parseMediaPlaylist, discardsSegments: discard = false } = options;
  const segments = new SegmentLoader({ playlistUrl, discard, client, observer, signal, pause });
  let nextMsn: number | null = null;
  try {
    for (;;) {
      let pauseMilliseconds = RETRY_MILLISECONDS;
      const started = performance.now();
      try {
        const answer = await client.get(playlistUrl, signal);
        if (answer.status === 200) {
          const playlist = readPlaylist(answer.body.toString());
          observer.onPoll({ atMilliseconds: performance.now(), playlist });
          nextMsn ??= playlist.entries.at(-START_SEGMENTS_FROM_END)?.msn ?? playlist.mediaSequence;
          const fresh = playlist.entries.filter((entry) => entry.msn >= (nextMsn ?? 0));
          if (options.fetchesSegments) segments.take(playlist.mediaSequence, fresh);
          nextMsn = (fresh.at(-1)?.msn ?? nextMsn - 1) + 1;
          pauseMilliseconds = playlist.targetDurationSeconds * (fresh.length > 0 ? 1000 : 500);
        } else {
          observer.onProblem(`${playlistUrl} answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
          pauseMilliseconds = (answer.retryAfterSeconds ?? 0) * 1000 || RETRY_MILLISECONDS;
        }
      } catch (error) {
        signal.throwIfAborted();
        observer.onProblem(`${playlistUrl}: ${String(error)}`, error);
      }
      await pause(Math.max(0, pauseMilliseconds - (performance.now() - started)), signal);
    }
  } finally {
    await segments.idle();
  }
}

async function findMediaPlaylist(options: PlayOptions, client: ViewerClient, signal: AbortSignal): Promise<string> {
  const query = options.session === undefined ? '' : `?session=${encodeURIComponent(options.session)}`;
  const url = `${options.edgeUrl}/live/${options.namespace}/${options.channel}/index.m3u8${query}`;
  const answer = await client.get(url, signal);
  const text = answer.body.toString();
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${text.slice(0, 300)}`);
  const rung = options.rung ?? 'source';
  const uri = text.split('\n').find((line) => !line.startsWith('#') && line.startsWith(`${rung}.m3u8`));
  if (uri === undefined) throw new Error(`no rendition ${rung} in\n${text}`);
  return new URL(uri.trim(), url).href;
}
