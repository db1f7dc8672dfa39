import { expect, test } from '@jest/globals';
import type { SourceRendition } from '@sluice/common/link/source-facts.ts';
import fc from 'fast-check';
import type { SourceClient } from './client.ts';
import { createFollower } from './follower.ts';
import { MAX_BEHIND } from './join.ts';

const BASE = 'https://host/live';
const WINDOW = 8;
const MULTIVARIANT = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO="a"
video.m3u8
`;

/** What happens between two looks. */
const step = fc.record({
  /** Segments that the reference gets. */
  more: fc.integer({ min: 0, max: 2 }),
  /** Segments that the rendition is behind from now on. */
  behind: fc.integer({ min: 0, max: MAX_BEHIND + 3 }),
  /** Its playlist cannot be read. */
  fails: fc.boolean(),
  /** Another edge follows the source from now on, or the same one anew. */
  newOwner: fc.boolean(),
});
const source = fc.record({
  firstMsn: fc.integer({ min: 0, max: 1_000_000 }),
  msnOffset: fc.integer({ min: 0, max: 1_000_000 }),
  steps: fc.array(step, { minLength: 2, maxLength: 15 }),
});

function playlistOf(newest: number, added: number, extension: string): string {
  const first = Math.max(0, newest - WINDOW + 1);
  const names = Array.from({ length: newest - first + 1 }, (_, index) => `${first + index}.${extension}`);
  const head = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${first + added}`];
  return [...head, ...names.flatMap((name) => ['#EXTINF:2,', name])].join('\n');
}

const AUDIO: SourceRendition = {
  ...{
    name: 'source-audio-1',
    kind: 'Audio',
    label: 'en',
    language: '',
    default: true,
    autoselect: true,
    forced: false,
  },
  ...{ bitrateBps: 0, codecs: '', width: 0, height: 0, frameRateMilli: 0 },
};

test('a followed source goes on under the numbers of its reference, however others count and whoever follows it', async () => {
  await fc.assert(
    fc.asyncProperty(source, async ({ firstMsn, msnOffset, steps }) => {
      let newest = firstMsn + WINDOW;
      let heard = newest;
      let fails = false;
      const client: SourceClient = {
        read: async ({ url }) => {
          if (fails && url.endsWith('audio.m3u8')) throw new Error('it does not answer');
          const text = url.endsWith('index.m3u8')
            ? MULTIVARIANT
            : url.endsWith('video.m3u8')
              ? playlistOf(newest, 0, 'ts')
              : playlistOf(heard, msnOffset, 'aac');
          const nothing = { contentLength: null, etag: null, lastModified: null, allowOrigin: null };
          return { status: 200, bytes: Buffer.from(text), url, ...nothing };
        },
        close: async () => {},
      };
      const follow = (shownMsn: number | null) =>
        createFollower({
          ...{ client, uri: `${BASE}/index.m3u8`, headers: { origin: '', values: {} }, origin: '' },
          ...{ renditions: [{ ...AUDIO, msnOffset }], shownMsn },
        });
      let follower = follow(null);
      let shown: number | null = null;
      for (const { more, behind, fails: now, newOwner } of steps) {
        newest += more;
        // A live playlist never gets shorter.
        heard = Math.max(heard, newest - behind);
        fails = now;
        if (newOwner) follower = follow(shown);
        const { playlist } = await follower.look(new AbortController().signal);
        const last: number | null = playlist?.segments.at(-1)?.msn ?? shown;
        expect(last).not.toBeNull();
        expect(last ?? 0).toBeGreaterThanOrEqual(shown ?? 0);
        expect(newest - (last ?? 0)).toBeLessThanOrEqual(MAX_BEHIND);
        for (const segment of playlist?.segments ?? []) {
          const twin = segment.beside?.[AUDIO.name];
          expect(twin?.uri ?? `${BASE}/${segment.msn}.aac`).toBe(`${BASE}/${segment.msn}.aac`);
          const isListed = segment.msn <= heard && segment.msn > heard - WINDOW;
          if (isListed && !fails) expect(twin?.msn).toBe(segment.msn);
        }
        shown = last;
      }
    }),
    { numRuns: 25 },
  );
});
