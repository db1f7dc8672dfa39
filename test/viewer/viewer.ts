import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createViewerClient } from './client.ts';
import { type Poll, pollViolations } from './invariants.ts';
import { type Download, type PlayOptions, play } from './play.ts';

/** How a virtual viewer behaves. */
export interface ViewerOptions extends Omit<PlayOptions, 'fetchesSegments'> {
  /** Folder that gets every segment that it plays, as `<msn>.ts`; left out, it only reads playlists. */
  readonly folder?: string;
  /** Addresses of host names that this machine does not resolve (names inside the cluster). */
  readonly addresses?: Readonly<Record<string, string>>;
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
  /** Resolves when the first media playlist has been read; rejects if the channel cannot be opened. */
  readonly started: Promise<void>;
  /**
   * Stops like a player that is closed: with a leave message if `leave` is not false. May be called again. Rejects where one of
   * its polls broke a rule of RFC 8216bis; how late they were is for the tests to judge.
   */
  stop(options?: { readonly leave?: boolean }): Promise<void>;
}

/** Starts an HLS client with the timing of a real player that remembers everything it sees. */
export function startViewer(options: ViewerOptions): Viewer {
  const { folder, addresses = {}, ...rest } = options;
  const record: ViewerRecord = { polls: [], downloads: [], problems: [] };
  const stopping = new AbortController();
  const client = createViewerClient(addresses);
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => {});
  const observer = {
    onPoll(poll: Poll): void {
      record.polls.push(poll);
      first.resolve();
    },
    async onDownload(download: Download, body: Buffer): Promise<void> {
      record.downloads.push(download);
      if (folder !== undefined && download.status === 200) await keep(folder, download.msn, body);
    },
    onProblem: (problem: string): void => void record.problems.push(problem),
  };
  const playOptions = { ...rest, fetchesSegments: folder !== undefined };
  const playing = play(playOptions, client, observer, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) record.problems.push(`viewer stopped: ${String(error)}`);
    first.reject(error instanceof Error ? error : new Error(String(error)));
  });
  const stop = async (leave: boolean): Promise<void> => {
    stopping.abort();
    await playing;
    const { edgeUrl, namespace, channel, session } = options;
    if (leave && session !== undefined)
      await client.post(`${edgeUrl}/api/stream/leave`, { channelId: `${namespace}/${channel}`, sessionId: session });
    await client.close();
    const broken = pollViolations(record.polls, Number.POSITIVE_INFINITY);
    if (broken.length > 0) throw new Error(`playlists of ${namespace}/${channel} broke rules:\n${broken.join('\n')}`);
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

async function keep(folder: string, msn: number, body: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${String(msn).padStart(12, '0')}.ts`), body);
}
