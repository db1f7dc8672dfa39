import assert from 'node:assert/strict';
import { type PlaylistEntry, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { sessionOf, withAgent } from './all-modes.ts';
import { Collector, framesOf, stretches } from './collector.ts';
import { FEATURED_FRAMES, FEATURED_TARGET_SECONDS, FeaturedSource } from './featured-source.ts';
import { text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { withSource } from './with-source.ts';

const RUNG = '90p';
const LADDER = [{ name: RUNG, height: 90, bitrateBps: 200_000 }];
/** For what takes some seconds, on a machine however busy: the source repeats what a slow encoder has missed. */
const LIMIT_SECONDS = 120;
/**
 * EXT-X-TARGETDURATION in seconds later on. The edge looks at the source more often then, while the channel's lag stays that
 * of {@link FEATURED_TARGET_SECONDS}: an encoder has two seconds more than usual.
 */
const SHORTER_SECONDS = 1;
const LONGER_SECONDS = 2 * FEATURED_TARGET_SECONDS;
/** Segments in a row behind a change: enough to see that it stays. */
const ROW = 4;
/** Segments on either side of a gap, which is far from the next break. */
const NEAR = 5;
/** What only a server of low latency may say. */
const LOW_LATENCY = /EXT-X-(?:PART|PRELOAD-HINT|RENDITION-REPORT|SKIP)|CAN-BLOCK-RELOAD|CAN-SKIP-UNTIL/;

type Entries = readonly PlaylistEntry[];

/** Whether the transcoder has made it. */
const isEncoded = ({ uri }: PlaylistEntry): boolean => new RegExp(`/${RUNG}/\\d+\\.1\\.ts$`).test(uri);

/** What has to be seen in segments of the rung itself. */
const SEEN: Readonly<Record<string, (entries: Entries) => boolean>> = {
  'ad markers': (entries) => entries.some((one) => isEncoded(one) && one.markers.length > 1),
  "the source's discontinuity": (entries) =>
    entries.some((one, at) => one.discontinuity && [entries[at - 1], one].every((it) => it && isEncoded(it))),
  'the rung before a gap and behind it': (entries) =>
    entries.some(({ gap }, at) => {
      const around = [entries.slice(Math.max(0, at - NEAR), at), entries.slice(at, at + NEAR)];
      return gap && around.every((some) => some.some(isEncoded));
    }),
};

/** Of the entries behind a place the longest row that the transcoder has made. */
function longestRow(entries: Entries, from: number): number {
  let [row, longest] = [0, 0];
  for (const entry of entries.slice(from)) {
    row = isEncoded(entry) ? row + 1 : 0;
    longest = Math.max(longest, row);
  }
  return longest;
}

/** Takes the channel through everything that the source has, and waits until the rung has shown it. */
async function playFeatures(source: FeaturedSource, collector: Collector): Promise<void> {
  for (const [what, isSeen] of Object.entries(SEEN)) await collector.sees(`${what} in ${RUNG}`, LIMIT_SECONDS, isSeen);
  const before = collector.entries.length;
  source.targetDurationSeconds = LONGER_SECONDS;
  await collector.sees('segments behind the change', LIMIT_SECONDS, ({ length }) => length >= before + ROW);
  source.targetDurationSeconds = SHORTER_SECONDS;
  source.restart();
  await collector.sees('the rung of another encoder', LIMIT_SECONDS, (all) => {
    const at = all.findIndex((one, index) => source.areApart(one.dateTime, all[index - 1]?.dateTime ?? one.dateTime));
    return at >= 0 && longestRow(all, at) >= ROW;
  });
}

/** Whether it is a range of dates that has begun before: what the source lists still is in each window of ours. */
function isOfEarlier(marker: string, { dateTime }: PlaylistEntry): boolean {
  const start = /^#EXT-X-DATERANGE:.*START-DATE="([^"]+)"/.exec(marker)?.[1];
  return start !== undefined && Date.parse(start) < Date.parse(dateTime ?? '');
}

/** Each line stands where the source has it, and nothing is there that a rung must not have. */
function judgeEntries(source: FeaturedSource, entries: Entries): void {
  entries.forEach((entry, index) => {
    const before = entries[index - 1];
    // A discontinuity in front of the first segment of all is none.
    if (before === undefined) return;
    const { discontinuity, ...said } = source.segmentAt(entry.dateTime);
    const isRestart = source.areApart(before.dateTime, entry.dateTime);
    const expected = { ...said, discontinuity: discontinuity || isRestart, byteRange: null, msn: before.msn + 1 };
    const { gap, byteRange, msn } = entry;
    const markers = entry.markers.filter((line) => !isOfEarlier(line, entry));
    assert.deepEqual({ gap, markers, discontinuity: entry.discontinuity, byteRange, msn }, expected, entry.uri);
    const step = Date.parse(entry.dateTime ?? '') - Date.parse(before.dateTime ?? '');
    assert.ok(isRestart ? step > 0 : step === 1_000, `dates go on: ${step} ms to ${entry.uri}`);
    assert.ok(!(gap && isEncoded(entry)), 'a gap has no segment in the rung');
  });
}

/** FFmpeg decodes every picture between two breaks, whoever made it. @returns how many there are */
async function judgePictures(collector: Collector): Promise<number> {
  let pictures = 0;
  for (const stretch of stretches(collector.entries)) {
    const frames = await framesOf(stretch.flatMap((entry) => collector.bytesOf(entry) ?? []));
    assert.equal(frames, stretch.length * FEATURED_FRAMES, `pictures from ${stretch[0]?.uri} on`);
    pictures += frames;
  }
  return pictures;
}

async function plays(source: FeaturedSource, edge: EdgePrograms): Promise<string> {
  const session = sessionOf(LADDER);
  const route = testRoute(source.url, {
    mode: 'Transcode',
    ladder: LADDER,
    owners: [edge.owner],
    ownerTerm: 1,
    session,
  });
  const url = `${edge.url}/live/default/${route.name}/${RUNG}.m3u8`;
  edge.snapshot([route]);
  return withAgent(edge, LADDER, async () => {
    await until('the channel plays', LIMIT_SECONDS, async () => (await request(url)).statusCode === 200);
    source.targetDurationSeconds = SHORTER_SECONDS;
    // Of segments that are so short a channel does not begin with enough for RFC 8216bis 6.2.2.
    await until('the window is full', LIMIT_SECONDS, async () => {
      return parseMediaPlaylist(await text(url)).entries.length > 3 * FEATURED_TARGET_SECONDS;
    });
    const collector = new Collector(url);
    try {
      await playFeatures(source, collector);
      assert.doesNotMatch(await text(url), LOW_LATENCY);
    } finally {
      await collector.stop();
    }
    const { entries, newest } = collector;
    assert.equal(newest?.targetDurationSeconds, FEATURED_TARGET_SECONDS);
    judgeEntries(source, entries);
    assert.deepEqual(
      source.requests.filter((path) => /_HLS_|\.part|next/.test(path)),
      [],
      'nobody asks for parts',
    );
    const pictures = await judgePictures(collector);
    const encoded = entries.filter(isEncoded).length;
    return `${encoded} of ${entries.length} segments by the encoder, ${pictures} pictures`;
  });
}

/** A source with everything that HLS has, in a rung of a real FFmpeg. */
export function featuresInRung(link: LinkFolder): Promise<string> {
  return withSource(link, '127.0.60.14', () => FeaturedSource.start('127.0.60.15'), plays);
}
