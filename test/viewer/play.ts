import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewerClient } from './client.ts';
import type { Poll } from './invariants.ts';
import { type MediaPlaylist, type PlaylistEntry, parseMediaPlaylist } from './media-playlist.ts';

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
/** Pause after a request that failed, in milliseconds, where the answer names none: a player's first retry. */
const RETRY_MILLISECONDS = 1000;
/** Tries of a segment behind the first one, as of hls.js (fragLoadPolicy); none where the answer is the viewer's fault. */
const SEGMENT_RETRIES = 6;

/**
 * Plays a channel with the timing of a real player until the signal is given: reads the multivariant playlist, polls
 * one media playlist once per target duration (half of it when nothing was new, RFC 8216bis 6.3.4) and fetches each
 * segment once.
 * @throws Error if the multivariant playlist cannot be had, or the signal is given
 */
export async function play(
  options: PlayOptions,
  client: ViewerClient,
  observer: PlayObserver,
  signal: AbortSignal,
): Promise<never> {
  const playlistUrl = await findMediaPlaylist(options, client, signal);
  const { readPlaylist = parseMediaPlaylist, discardsSegments = false } = options;
  let nextMsn: number | null = null;
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
        const wanted = { entries: fresh.filter((entry) => !entry.gap), playlistUrl, discard: discardsSegments };
        if (options.fetchesSegments) await fetchSegments(wanted, client, observer, signal);
        nextMsn = (fresh.at(-1)?.msn ?? nextMsn - 1) + 1;
        if (playlist.ended) await untilAborted(signal);
        pauseMilliseconds = playlist.targetDurationSeconds * (fresh.length > 0 ? 1000 : 500);
      } else {
        observer.onProblem(`${playlistUrl} answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
        pauseMilliseconds = (answer.retryAfterSeconds ?? 0) * 1000 || RETRY_MILLISECONDS;
      }
    } catch (error) {
      signal.throwIfAborted();
      observer.onProblem(`${playlistUrl}: ${String(error)}`, error);
    }
    await sleep(Math.max(0, pauseMilliseconds - (performance.now() - started)), undefined, { signal });
  }
}

/** A player does not look at a playlist again that has ended (RFC 8216bis 6.3.4). */
async function untilAborted(signal: AbortSignal): Promise<never> {
  for (;;) await sleep(60_000, undefined, { signal });
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

interface Wanted {
  readonly entries: readonly PlaylistEntry[];
  readonly playlistUrl: string;
  readonly discard: boolean;
}

async function fetchSegments(
  wanted: Wanted,
  client: ViewerClient,
  observer: PlayObserver,
  signal: AbortSignal,
): Promise<void> {
  for (const entry of wanted.entries) {
    for (let tries = 0; tries <= SEGMENT_RETRIES; tries += 1) {
      if (tries > 0) await sleep(RETRY_MILLISECONDS, undefined, { signal });
      if (await fetchSegment(entry, wanted, client, observer, signal)) break;
    }
  }
}

/** @returns whether another try makes no sense: it is here, or it is refused */
async function fetchSegment(
  { uri, msn, durationSeconds }: PlaylistEntry,
  { playlistUrl, discard }: Wanted,
  client: ViewerClient,
  observer: PlayObserver,
  signal: AbortSignal,
): Promise<boolean> {
  const url = new URL(uri, playlistUrl).href;
  const atMilliseconds = performance.now();
  try {
    const { status, body, bytes } = await client.get(url, signal, discard);
    const milliseconds = performance.now() - atMilliseconds;
    if (status !== 200) observer.onProblem(`${url} answered ${status}`);
    await observer.onDownload({ msn, url, status, bytes, durationSeconds, atMilliseconds, milliseconds }, body);
    return status < 500;
  } catch (error) {
    signal.throwIfAborted();
    observer.onProblem(`${url}: ${String(error)}`, error);
    return false;
  }
}
