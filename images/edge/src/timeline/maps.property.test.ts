import { describe, expect, test } from '@jest/globals';
import { playlistViolations, updateViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import fc from 'fast-check';
import { append, lastEntry, newLog, nextMsn, type TimelineLog, trim } from './log.ts';
import { mediaPlaylist } from './playlist.ts';

const AES = '#EXT-X-KEY:METHOD=AES-128,URI="https://keys/1",IV=0x01';
const drm = (id: string): string => `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://${id}",KEYFORMAT="com.apple"`;
const keys = fc.constantFrom<readonly string[]>([], [AES], [AES, drm('a')], [drm('b')]);

/**
 * What one segment brings: which section it needs, how both are encrypted, whether timestamps break before it, whether its
 * bytes were lost.
 */
const segment = fc.record({
  keys,
  mapKeys: keys,
  map: fc.constantFrom('s/a.1/source/0123456789abcdef.mp4', 's/a.1/source/fedcba9876543210.mp4', 'http://cdn/i.mp4'),
  discontinuity: fc.boolean(),
  gap: fc.integer({ min: 0, max: 4 }).map((value) => value === 0),
});

function emptyLog(): TimelineLog {
  return newLog({
    epoch: 1,
    targetDurationSeconds: 2,
    rungs: ['source', '360p'],
    firstMsn: 7,
    discontinuityBase: 0,
    numbers: { msnOffset: 0, discontinuityOffset: 0 },
  });
}

interface Brought {
  readonly map: string;
  readonly discontinuity: boolean;
  readonly gap: boolean;
  readonly keys?: readonly string[];
  readonly mapKeys?: readonly string[];
}

function appended(log: TimelineLog, { map, discontinuity, gap, keys: own = [], mapKeys = [] }: Brought) {
  const msn = nextMsn(log);
  const name = `s/a.1/source/${msn}.0.m4s`;
  return append(log, {
    msn,
    epoch: 1,
    durationSeconds: 2,
    dateTime: null,
    discontinuity,
    gap,
    map: gap ? null : map,
    names: { source: name, '360p': name },
    ...(gap || own.length === 0 ? {} : { keys: own }),
    ...(gap || mapKeys.length === 0 ? {} : { mapKeys }),
  });
}

describe('a playlist of segments that need initialization sections', () => {
  test('names, in every rung and after every update, the right one before each segment, and no more often than needed', () => {
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 14 }),
        (all, window) => {
          let log = emptyLog();
          let before: ReturnType<typeof parseMediaPlaylist> | null = null;
          for (const one of all) {
            log = appended(log, one);
            log = trim(log, Math.max(0, log.entries.length - window));
            const [text, rung] = [mediaPlaylist(log, 'source'), mediaPlaylist(log, '360p')];
            expect(rung).toBe(text);
            const playlist = parseMediaPlaylist(text);
            const media = log.entries.filter(({ gap }) => !gap);
            expect(playlist.entries.filter(({ gap }) => !gap).map(({ mapUri }) => mapUri)).toEqual(
              media.map(({ map }) => map),
            );
            expect(playlist.entries.filter(({ gap }) => !gap).map((entry) => [...entry.keys])).toEqual(
              media.map((entry) => [...(entry.keys ?? [])].sort()),
            );
            const sections = media.map((entry) => JSON.stringify([entry.map, entry.mapKeys]));
            const changes = sections.filter((section, index) => section !== sections[index - 1]).length;
            expect(text.split('#EXT-X-MAP:').length - 1).toBe(changes);
            expect(playlistViolations(playlist).filter((violation) => violation.includes('EXT-X-MAP'))).toEqual([]);
            if (before !== null) expect(updateViolations(before, playlist)).toEqual([]);
            before = playlist;
          }
        },
      ),
    );
  });

  test('names those of each rendition of the source in its own playlist alone, and skips what it has not', () => {
    const own = fc.option(fc.constantFrom('s/a.1/source/00000000000000aa.mp4', 's/a.1/source/00000000000000bb.mp4'));
    fc.assert(
      fc.property(fc.array(fc.tuple(segment, own), { minLength: 1, maxLength: 20 }), (all) => {
        let log = { ...emptyLog(), rungs: ['source', '360p', 'source-audio-1'] };
        for (const [{ map, gap, discontinuity }, audio] of all) {
          const msn = nextMsn(log);
          const name = `s/a.1/source/${msn}.0.m4s`;
          const names = { source: name, '360p': name, 'source-audio-1': `s/a.1/source-audio-1/${msn}.0.m4s` };
          const beside = { 'source-audio-1': audio === null ? null : { map: audio } };
          const times = { msn, epoch: 1, durationSeconds: 2, dateTime: null, discontinuity };
          log = append(log, { ...times, gap, map: gap ? null : map, names, beside }) as typeof log;
        }
        const [pictures, audio] = [mediaPlaylist(log, '360p'), mediaPlaylist(log, 'source-audio-1')].map(
          parseMediaPlaylist,
        );
        expect(pictures?.entries.map(({ gap }) => gap)).toEqual(all.map(([{ gap }]) => gap));
        expect(audio?.entries.map(({ gap }) => gap)).toEqual(all.map(([{ gap }, one]) => gap || one === null));
        const media = log.entries.filter(({ gap }) => !gap);
        expect(pictures?.entries.filter(({ gap }) => !gap).map(({ mapUri }) => mapUri)).toEqual(
          media.map(({ map }) => map),
        );
        const heard = media.map(({ beside }) => beside?.['source-audio-1']).filter((bytes) => bytes !== null);
        expect(audio?.entries.filter(({ gap }) => !gap).map(({ mapUri }) => mapUri)).toEqual(
          heard.map((bytes) => bytes?.map),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("names the section of a rung exactly where a transcoder has made it, and the source's where it has not", () => {
    const encoded = fc.option(fc.constantFrom('s/a.1/360p/00000000000000aa.mp4', 's/a.1/360p/00000000000000bb.mp4'));
    fc.assert(
      fc.property(fc.array(fc.tuple(segment, encoded), { minLength: 1, maxLength: 20 }), (all) => {
        let log = emptyLog();
        for (const [{ map, gap, discontinuity }, section] of all) {
          const msn = nextMsn(log);
          const name = `s/a.1/source/${msn}.0.m4s`;
          const names = { source: name, '360p': section === null ? name : `s/a.1/360p/${msn}.1.m4s` };
          const beside = gap || section === null ? {} : { beside: { '360p': { map: section } } };
          const times = { msn, epoch: 1, durationSeconds: 2, dateTime: null, discontinuity };
          log = append(log, { ...times, gap, map: gap ? null : map, names, ...beside });
        }
        const read = (rung: string) =>
          parseMediaPlaylist(mediaPlaylist(log, rung))
            .entries.filter(({ gap }) => !gap)
            .map(({ mapUri }) => mapUri);
        const media = all.filter(([{ gap }]) => !gap);
        expect(read('source')).toEqual(media.map(([{ map }]) => map));
        expect(read('360p')).toEqual(media.map(([{ map }, section]) => section ?? map));
      }),
      { numRuns: 50 },
    );
  });

  test('is what its stored log says, also after it was read back', () => {
    const log = appended(emptyLog(), { map: 's/a.1/source/0123456789abcdef.mp4', discontinuity: false, gap: false });
    expect(mediaPlaylist(JSON.parse(JSON.stringify(log)) as TimelineLog, 'source')).toBe(
      [
        '#EXTM3U',
        '#EXT-X-VERSION:8',
        '#EXT-X-TARGETDURATION:2',
        '#EXT-X-MEDIA-SEQUENCE:7',
        '#EXT-X-DISCONTINUITY-SEQUENCE:0',
        '#EXT-X-SERVER-CONTROL:HOLD-BACK=6.000',
        '#EXT-X-MAP:URI="s/a.1/source/0123456789abcdef.mp4"',
        '#EXTINF:2.000,',
        's/a.1/source/7.0.m4s',
        '',
      ].join('\n'),
    );
  });

  test('never goes on in MPEG-TS, nor MPEG-TS in it', () => {
    const fragmented = appended(emptyLog(), { map: 's/a.1/source/0.mp4', discontinuity: false, gap: false });
    const entry = { ...(lastEntry(fragmented) as NonNullable<ReturnType<typeof lastEntry>>), discontinuity: true };
    const violation = expect.objectContaining({
      code: 'TIMELINE_VIOLATION',
      message: expect.stringContaining('container'),
    });
    expect(() => append(fragmented, { ...entry, msn: 8, map: null })).toThrow(violation);
    const ts = append(emptyLog(), { ...entry, map: null });
    expect(() => append(ts, { ...entry, msn: 8 })).toThrow(violation);
    // Of a gap nothing is read, so it says nothing of the container.
    const gap = append(ts, { ...entry, msn: 8, map: null, gap: true });
    expect(() => append(gap, { ...entry, msn: 9 })).toThrow(violation);
  });
});
