import { lookup as resolveName } from 'node:dns';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Poll } from './invariants.ts';
import { type PlaylistEntry, parseMediaPlaylist } from './media-playlist.ts';

/** How a virtual viewer behaves. */
export interface ViewerOptions {
  /** Base URL of the edge, without a slash at the end. */
  readonly edgeUrl: string;
  readonly namespace: string;
  readonly channel: string;
  /** Its session id; left out, the edge mints one. */
  readonly session?: string;
  /** Which media playlist it plays, by name; `source` if left out. */
  readonly rung?: string;
  /** Folder that gets every segment that it plays, as `<msn>.ts`; left out, it only reads playlists. */
  readonly folder?: string;
  /** Host names that this machine does not resolve, with their addresses (names inside the cluster). */
  readonly addresses?: Readonly<Record<string, string>>;
}

/** One segment that a viewer fetched. */
export interface Download {
  readonly msn: number;
  readonly url: string;
  readonly status: number;
  readonly bytes: number;
  /** When it was asked for, in milliseconds of one clock for all viewers of this process. */
  readonly atMilliseconds: number;
  /** From the request to the last byte, in milliseconds. */
  readonly milliseconds: number;
}

/** What a viewer saw in its life. */
export interface ViewerRecord {
  readonly polls: Poll[];
  readonly downloads: Download[];
  /** Everything that went wrong, in sentences. */
  readonly problems: string[];
}

/** A viewer that plays until it is stopped. */
export interface Viewer {
  readonly record: ViewerRecord;
  /** Resolves when the first media playlist has been read. */
  readonly started: Promise<void>;
  /** Stops like a player that is closed: with a leave message if `leave` is not false. May be called again. */
  stop(options?: { readonly leave?: boolean }): Promise<void>;
}

/** A real player starts three target durations behind the end (RFC 8216bis 6.3.3). */
const START_SEGMENTS_FROM_END = 3;
/** A test viewer gives up on an answer that a person would no longer wait for. */
const REQUEST_TIMEOUT_MILLISECONDS = 15_000;

/**
 * Starts an HLS client with the timing of a real player: reads the multivariant playlist, polls one media playlist
 * once per target duration (half of it when nothing was new, RFC 8216bis 6.3.4) and fetches each segment once.
 */
export function startViewer(options: ViewerOptions): Viewer {
  const record: ViewerRecord = { polls: [], downloads: [], problems: [] };
  const stopping = new AbortController();
  const agent = createAgent(options.addresses ?? {});
  const first = Promise.withResolvers<void>();
  const client = createClient(agent, stopping.signal);
  const playing = play(options, record, client, stopping.signal, first.resolve).catch((error: unknown) => {
    if (!stopping.signal.aborted) record.problems.push(`viewer stopped: ${String(error)}`);
    first.reject(error instanceof Error ? error : new Error(String(error)));
  });
  first.promise.catch(() => {});
  const stop = async (leave: boolean): Promise<void> => {
    stopping.abort();
    await playing;
    if (leave && options.session !== undefined) await sendLeave(options, agent);
    await agent.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    record,
    started: first.promise,
    stop: ({ leave = true } = {}) => {
      stopped ??= stop(leave);
      return stopped;
    },
  };
}

function createAgent(addresses: Readonly<Record<string, string>>): Agent {
  return new Agent({
    connect: {
      lookup(hostname, lookupOptions, callback) {
        const address = addresses[hostname];
        if (address === undefined) {
          resolveName(hostname, lookupOptions, callback);
        } else if (lookupOptions.all === true) callback(null, [{ address, family: 4 }]);
        else callback(null, address, 4);
      },
    },
  });
}

type Client = (
  url: string,
) => Promise<{ readonly status: number; readonly body: Buffer; readonly milliseconds: number }>;

function createClient(agent: Agent, signal: AbortSignal): Client {
  return async (url) => {
    const started = performance.now();
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MILLISECONDS);
    const answer = await request(url, { dispatcher: agent, signal: AbortSignal.any([signal, timeout]) });
    const body = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, body, milliseconds: performance.now() - started };
  };
}

async function play(
  options: ViewerOptions,
  record: ViewerRecord,
  get: Client,
  signal: AbortSignal,
  onStarted: () => void,
): Promise<void> {
  const playlistUrl = await findMediaPlaylist(options, get);
  let nextMsn: number | null = null;
  while (!signal.aborted) {
    const answer = await get(playlistUrl);
    const pollStarted = performance.now();
    if (answer.status !== 200) {
      record.problems.push(`${playlistUrl} answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
      await sleep(1000, undefined, { signal });
      continue;
    }
    const playlist = parseMediaPlaylist(answer.body.toString());
    record.polls.push({ atMilliseconds: pollStarted, playlist });
    onStarted();
    nextMsn ??= playlist.entries.at(-START_SEGMENTS_FROM_END)?.msn ?? playlist.mediaSequence;
    const fresh = playlist.entries.filter((entry) => entry.msn >= (nextMsn ?? 0));
    if (options.folder !== undefined) await fetchSegments(fresh, playlistUrl, options.folder, record, get);
    nextMsn = (fresh.at(-1)?.msn ?? nextMsn - 1) + 1;
    const pause = playlist.targetDurationSeconds * (fresh.length > 0 ? 1 : 0.5);
    await sleep(Math.max(0, pause * 1000 - (performance.now() - pollStarted)), undefined, { signal });
  }
}

async function findMediaPlaylist(options: ViewerOptions, get: Client): Promise<string> {
  const query = options.session === undefined ? '' : `?session=${encodeURIComponent(options.session)}`;
  const url = `${options.edgeUrl}/live/${options.namespace}/${options.channel}/index.m3u8${query}`;
  const answer = await get(url);
  const text = answer.body.toString();
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${text.slice(0, 300)}`);
  const rung = options.rung ?? 'source';
  const uri = text.split('\n').find((line) => !line.startsWith('#') && line.startsWith(`${rung}.m3u8`));
  if (uri === undefined) throw new Error(`no rendition ${rung} in\n${text}`);
  return new URL(uri.trim(), url).href;
}

async function fetchSegments(
  entries: readonly PlaylistEntry[],
  playlistUrl: string,
  folder: string,
  record: ViewerRecord,
  get: Client,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const entry of entries) {
    const url = new URL(entry.uri, playlistUrl).href;
    const atMilliseconds = performance.now();
    const { status, body, milliseconds } = await get(url);
    record.downloads.push({ msn: entry.msn, url, status, bytes: body.length, atMilliseconds, milliseconds });
    if (status === 200) await writeFile(join(folder, `${String(entry.msn).padStart(12, '0')}.ts`), body);
    else record.problems.push(`${url} answered ${status}`);
  }
}

async function sendLeave(options: ViewerOptions, agent: Agent): Promise<void> {
  const answer = await request(`${options.edgeUrl}/api/stream/leave`, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channelId: `${options.namespace}/${options.channel}`, sessionId: options.session }),
  });
  await answer.body.dump();
}
