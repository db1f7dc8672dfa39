import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aacSegment } from '../testing/packed-audio.ts';
import type { SourceClient } from './client.ts';
import { parsePlaylist, type SourcePlaylist } from './parse.ts';
import { probeRendition } from './probe-rendition.ts';
import type { Candidate } from './renditions.ts';

const BASE = 'http://host/audio';
const REFERENCE = 'http://host/video/index.m3u8';
const FILM_BEGINS = 5_000;

/** A source: how long segments last, how another rendition numbers them, and where it cuts otherwise. */
const source = fc.record({
  durations: fc.array(fc.constantFrom(1.92, 2, 2.08), { minLength: 8, maxLength: 14 }),
  msnOffset: fc.integer({ min: -3, max: 1_000_000 }),
  firstMsn: fc.integer({ min: 3, max: 1_000_000 }),
  /** By how much each cut of the other one is away from the reference's. */
  cuts: fc.array(
    fc.integer({ min: -12, max: 12 }).map((one) => one / 100),
    { minLength: 15, maxLength: 15 },
  ),
  /** Segments that the other one lists less, at its beginning and at its end. */
  lessFirst: fc.integer({ min: 0, max: 3 }),
  lessLast: fc.integer({ min: 0, max: 3 }),
  clock: fc.constantFrom(0, 2 ** 33 / 90_000 - FILM_BEGINS - 10),
});
type Source = typeof source extends fc.Arbitrary<infer T> ? T : never;

/** When each segment begins, and the last one ends. */
function cutsOf({ durations }: Source): readonly number[] {
  let at = 0;
  return [0, ...durations.map((one) => (at += one))];
}

function playlistOf(first: number, cuts: readonly number[], name: string, datesFrom: number | null): string {
  const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:3', `#EXT-X-MEDIA-SEQUENCE:${first}`];
  cuts.slice(0, -1).forEach((cut, index) => {
    const seconds = (cuts[index + 1] ?? 0) - cut;
    if (datesFrom !== null) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(datesFrom + cut * 1000).toISOString()}`);
    lines.push(`#EXTINF:${seconds.toFixed(5)},`, `${first + index}.${name}`);
  });
  return lines.join('\n');
}

function parsed(text: string, url: string): SourcePlaylist {
  const playlist = parsePlaylist(Buffer.from(text), url);
  if (playlist.kind !== 'media') throw new Error('it is a media playlist');
  return playlist;
}

/** Probes another rendition of a generated source; `answer` gives its segments by when they begin. */
async function probed(
  one: Source,
  kind: 'aac' | 'vtt',
  answer: (begins: number, ends: number) => Uint8Array,
  options: { readonly dates?: boolean; readonly late?: number } = {},
) {
  const datesFrom = options.dates === true ? Date.UTC(2026, 0, 1) : null;
  const cuts = cutsOf(one);
  const reference = parsed(playlistOf(one.firstMsn, cuts, 'ts', datesFrom), REFERENCE);
  const own = cuts.map((cut, index) => cut + (one.cuts[index] ?? 0) + (options.late ?? 0));
  const listed = own.slice(one.lessFirst, own.length - one.lessLast);
  const first = one.firstMsn + one.lessFirst + one.msnOffset;
  const asked: string[] = [];
  const client: SourceClient = {
    read: async ({ url }) => {
      asked.push(url);
      const index = Number.parseInt(url.slice(BASE.length + 1), 10) - first;
      const bytes = url.endsWith('m3u8')
        ? Buffer.from(playlistOf(first, listed, kind, datesFrom))
        : answer((listed[index] ?? 0) + FILM_BEGINS + one.clock, (listed[index + 1] ?? 0) + FILM_BEGINS + one.clock);
      return { status: 200, bytes, url, contentLength: null, etag: null, lastModified: null, allowOrigin: null };
    },
    close: async () => {},
  };
  const segment = reference.segments.at(-4);
  if (segment === undefined) throw new Error('it has eight segments');
  const begins = (cuts[reference.segments.indexOf(segment)] ?? 0) + FILM_BEGINS + one.clock;
  const candidate = { uri: `${BASE}/index.m3u8`, rendition: { kind: 'Audio' } } as Candidate;
  const found = await probeRendition(candidate, {
    ...{ client, bounds: { headers: { origin: '', values: {} }, timeoutMs: 1, signal: new AbortController().signal } },
    ...{ maxBytes: 1_000, origin: '', playlist: reference, segment, hasAudio: false, variables: new Map() },
    start: { seconds: begins % (2 ** 33 / 90_000), isTicks: true },
  }).catch((error: Error) => error.message);
  return { found: typeof found === 'string' ? found : found.msnOffset, asked };
}

const sound = (begins: number): Uint8Array => aacSegment(begins % (2 ** 33 / 90_000));

describe('another rendition of a generated source', () => {
  test('is mapped by its timestamps, whatever its numbers are and wherever frames of audio end', async () => {
    await fc.assert(
      fc.asyncProperty(source, async (one) => {
        const { found, asked } = await probed(one, 'aac', sound);
        expect(found).toBe(one.msnOffset);
        expect(asked.length).toBeLessThanOrEqual(5);
      }),
      { numRuns: 40 },
    );
  });

  test('is left out where all of its segments begin at other times', async () => {
    await fc.assert(
      fc.asyncProperty(source, fc.constantFrom(0.8, 1, 1.2), async (one, late) => {
        expect((await probed(one, 'aac', sound, { late })).found).toMatch(/begins at another time/);
      }),
      { numRuns: 20 },
    );
  });

  test('is mapped by its dates where nothing else tells', async () => {
    await fc.assert(
      fc.asyncProperty(source, async (one) => {
        const empty = Buffer.from('WEBVTT\n');
        expect((await probed(one, 'vtt', () => empty, { dates: true })).found).toBe(one.msnOffset);
      }),
      { numRuns: 20 },
    );
  });

  test('is mapped by the cues of subtitles', async () => {
    const words = (begins: number, ends: number): Uint8Array => {
      const time = (seconds: number): string => `00:${(seconds % 60).toFixed(3).padStart(6, '0')}`;
      const map = `X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:${Math.round(begins * 90_000) % 2 ** 33}`;
      return Buffer.from(`WEBVTT\n${map}\n\n${time(0.4)} --> ${time(ends - begins - 0.4)}\nHello\n`);
    };
    await fc.assert(
      fc.asyncProperty(source, async (one) => {
        const differs = one.msnOffset === 0 || Math.abs(one.msnOffset) > 20;
        if (differs) expect((await probed(one, 'vtt', words)).found).toBe(one.msnOffset);
      }),
      { numRuns: 20 },
    );
  });
});
