import assert from 'node:assert/strict';
import type { PlaylistEntry } from '@sluice/test/viewer/media-playlist.ts';
import {
  type CaptionsByTime,
  captionsOfFragments,
  captionsOfTransportStream,
} from '@sluice/transcoder/integration/captions.ts';
import { request } from 'undici';
import { decodeToEnd } from './play-to-end.ts';
import { FRAME_RATE, type Recordings, SEGMENT_SECONDS } from './recordings-source.ts';
import type { Screens } from './screens.ts';

/** A player, and the least part of a film's seconds whose captions it shows. */
type Reader = readonly [player: 'hls' | 'shaka', share: number];

/**
 * Players that show captions of such a source: hls.js 1.7 finds none in these fragments, and Shaka Player 5.2 loses those of a
 * segment or two where it begins, in MPEG-TS at the bare source, too, and where another section does. That the bytes are the
 * source's is shown picture by picture below.
 */
const READS_CAPTIONS: Readonly<Record<EndedChannel['kind'], readonly Reader[]>> = {
  ts: [
    ['hls', 1],
    ['shaka', 1 / 2],
  ],
  fmp4: [['shaka', 1 / 2]],
};

/** Seconds at the end whose captions players may keep to themselves: they show a line when they have read what follows it. */
const NOT_CLOSED_SECONDS = 2;

/** A channel whose recording has ended. */
export interface EndedChannel {
  readonly kind: 'ts' | 'fmp4';
  /** URL of the channel, without a slash at the end. */
  readonly url: string;
  readonly rung: { readonly name: string; readonly height: number };
  /** Of the rung's last playlist. */
  readonly entries: readonly PlaylistEntry[];
}

async function bytesAt(url: URL | string): Promise<Buffer> {
  const answer = await request(url);
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  assert.equal(answer.statusCode, 200, `${url}`);
  return bytes;
}

/** Captions of each picture of a segment as the channel lists it, and as the source has it. */
async function captionsOf(
  source: Recordings,
  { kind, url }: EndedChannel,
  { msn, uri, mapUri }: PlaylistEntry,
): Promise<readonly [listed: CaptionsByTime, recorded: CaptionsByTime]> {
  const listed = await bytesAt(`${url}/${uri}`);
  const recorded = await bytesAt(source.url(`${kind}${msn}.${kind === 'ts' ? 'ts' : 'm4s'}`));
  if (kind === 'ts') return [captionsOfTransportStream(listed), captionsOfTransportStream(recorded)];
  const [section, init] = [await bytesAt(`${url}/${mapUri}`), await bytesAt(source.url('fmp4-init.mp4'))];
  return [captionsOfFragments(section, listed), captionsOfFragments(init, recorded)];
}

/**
 * Who comes behind the end finds the last window, whole, with the captions of each picture, and of each second on screens.
 * @returns what was seen, in words
 */
export async function assertLastWindow(source: Recordings, screens: Screens, channel: EndedChannel): Promise<string> {
  const { kind, url, rung, entries } = channel;
  const { frames, warnings } = await decodeToEnd(`${url}/${rung.name}.m3u8`);
  assert.deepEqual([frames, warnings], [entries.length * SEGMENT_SECONDS * FRAME_RATE, ''], `${kind} behind its end`);
  for (const entry of entries) {
    const [listed, recorded] = await captionsOf(source, channel, entry);
    assert.equal(recorded.length, SEGMENT_SECONDS * FRAME_RATE);
    assert.deepEqual(listed, recorded, `${kind}: captions of each picture of segment ${entry.msn}`);
  }
  const [firstSecond, seconds] = [(entries[0]?.msn ?? 0) * SEGMENT_SECONDS, entries.length * SEGMENT_SECONDS];
  const shown = await screens.lookThrough({ name: kind, url: `${url}/index.m3u8`, height: rung.height, seconds });
  const expected = Array.from({ length: seconds - NOT_CLOSED_SECONDS }, (_, index) => firstSecond + index);
  const facts = READS_CAPTIONS[kind].map(([player, share]) => {
    const seen = expected.filter((second) => shown[player].includes(second));
    assert.ok(seen.length >= share * expected.length, `${kind}: ${player} shows captions of the seconds ${seen}`);
    return `of ${seen.length} of ${expected.length} s in ${player}`;
  });
  return `captions of ${frames} pictures, ${facts.join(', ')}`;
}
