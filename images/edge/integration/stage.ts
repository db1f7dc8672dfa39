import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Route } from '@sluice/common/link/route.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { SourceServer } from '../src/testing/source-server.ts';
import { type EdgeOptions, EdgePrograms, freePorts, type LinkFolder, until } from './programs.ts';

/** Where the channel of all scenarios is. */
export const FILM = '/live/default/film';
/** Token of the channel's transcode session. */
export const TOKEN = 'token-of-the-session';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
}

/** Real edges, the first of which owns the channel, and its source. */
export interface Stage {
  readonly edges: readonly EdgePrograms[];
  readonly owner: EdgePrograms;
  readonly other: EdgePrograms;
  readonly third: EdgePrograms;
  readonly source: SourceServer;
  readonly route: Route;
}

interface Ask {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

/** Asks an edge; resolves with the whole answer, whatever its status. */
export async function ask(base: string, path: string, options: Ask = {}): Promise<Answer> {
  const answer = await request(`${base}${path}`, options);
  const body = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, body, text: body.toString('utf8') };
}

/** Sends JSON to an edge. */
export function post(base: string, path: string, body: object): Promise<Answer> {
  return ask(base, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** What a scenario wants to have different. */
export interface StageOptions {
  /** At least three, the default. */
  readonly edges?: number;
  /** Of the source, in seconds; 2 if left out. */
  readonly targetDurationSeconds?: number;
  /** Segments of the source are filled up to so many bytes. */
  readonly segmentBytes?: number;
  /** Of the source's playlist; 10 if left out. */
  readonly windowSegments?: number;
  /** How each edge is started, by its place; the owner is the first. */
  readonly start?: (place: number) => EdgeOptions;
}

/** Starts three or more edges and names the first one owner on all. */
export async function withEdges(
  link: LinkFolder,
  run: (stage: Stage) => Promise<string>,
  options: StageOptions = {},
): Promise<string> {
  const { edges: count = 3, targetDurationSeconds = 2, segmentBytes = 0, windowSegments = 10 } = options;
  const source = new SourceServer({ now: Date.now, targetDurationSeconds, segmentBytes, windowSegments });
  await source.listen();
  const ports = await freePorts();
  const addresses = Array.from({ length: count }, (_, index) => `127.0.60.${index + 1}`);
  const edges = await Promise.all(
    addresses.map((address, place) => EdgePrograms.start(address, ports, link, options.start?.(place))),
  );
  const [owner, other, third] = edges as [EdgePrograms, EdgePrograms, EdgePrograms];
  try {
    const route = testRoute(source.url, {
      mode: 'Proxy',
      owners: edges.slice(0, 3).map((edge) => edge.owner),
      ownerTerm: 1,
      session: {
        name: 'film-1',
        uid: 'session-uid',
        tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
        rungs: ['360p'],
      },
    });
    for (const edge of edges) edge.snapshot([route]);
    await until('the owner publishes', 60, async () => (await ask(owner.url, `${FILM}/source.m3u8`)).status === 200);
    return await run({ edges, owner, other, third, source, route });
  } catch (error) {
    for (const edge of edges) process.stdout.write(edge.log);
    throw error;
  } finally {
    await Promise.all(edges.map((edge) => edge.stop()));
    await source.close();
  }
}

/** The first number of a media playlist. */
export const sequenceOf = (playlist: string): number => Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
/** What a media playlist names, gaps included. */
export const urisOf = (playlist: string): string[] => playlist.split('\n').filter((line) => line.startsWith('s/'));

/** The playlists of these edges by their numbers: the same bytes at the same number, whoever sent them. */
export class SamePlaylists {
  readonly #seen = new Map<string, string>();

  add(rung: string, text: string): void {
    const version = `${rung} ${sequenceOf(text)}-${urisOf(text).length}`;
    assert.equal(text, this.#seen.get(version) ?? text, `two playlists ${version}`);
    this.#seen.set(version, text);
  }

  get size(): number {
    return this.#seen.size;
  }
}
