import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { type PlaylistEntry, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { AgentProgram } from '@sluice/transcoder/integration/program.ts';
import { testRoute } from '../src/testing/route.ts';
import { decodeToEnd, playToTheEnd } from './play-to-end.ts';
import { text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { CAPTIONED_SECONDS, FRAME_RATE, Recordings, SEGMENT_SECONDS } from './recordings-source.ts';
import { Screens, type Shown } from './screens.ts';
import { TOKEN } from './stage.ts';
import { withSource } from './with-source.ts';

const RUNG = { name: '90p', height: 90, bitrateBps: 200_000 };
const WINDOW = 12;
/** Longest wait for what takes a second, on a busy machine. */
const PATIENCE_SECONDS = 90;
/**
 * How often a recording is played for its rungs to be listed to its end: where the machine has no time for an encoder, the
 * source takes over, which is as it should be, and says nothing of rungs.
 */
const TRIES = 2;
/** With fewer segments in its first playlist Shaka Player 5.2 loses track of a live one that is not on time (measured). */
const LISTED_FOR_PLAYERS = 10;
/**
 * Number from which on rungs are listed at the latest where the machine is in time for all of them. Where it is not, what is
 * listed late says nothing of players.
 */
const LATEST_RUNG = 10;

/** Players that show captions of such a source: hls.js 1.7 finds none in these fragments, with or without Sluice. */
const READS_CAPTIONS: Readonly<Record<Played['kind'], readonly string[]>> = { ts: ['hls', 'shaka'], fmp4: ['shaka'] };

/** One recording as a channel in Transcode, with an agent of its own. */
interface Played {
  readonly kind: 'ts' | 'fmp4';
  readonly route: Route;
  readonly agent: AgentProgram;
  /** URL of the channel, without a slash at the end. */
  readonly url: string;
  readonly sourceUrl: string;
}

function reportOn(edge: EdgePrograms, uid: string): OwnerReport | null {
  const newest = edge.operator.received.findLast((one) => one.type === 'report' && one.report.uid === uid);
  return newest?.type === 'report' ? newest.report : null;
}

/** An agent that waits for the channel's first segment: nobody watches yet. */
async function prepare(edge: EdgePrograms, source: Recordings, kind: Played['kind'], number: number): Promise<Played> {
  const name = `${kind}-${number}`;
  const tokenSha256 = createHash('sha256').update(TOKEN).digest('hex');
  const session = { name: `session-${name}`, uid: `session-${name}`, tokenSha256, rungs: [RUNG.name] };
  const owned = { owners: [edge.owner], ownerTerm: 1, ladder: [RUNG], session };
  const sourceUrl = source.url(`${kind}.m3u8`);
  const route = testRoute(sourceUrl, { name, uid: `${name}-0000`, ...owned });
  edge.operator.send({ type: 'route', route });
  const workplace = { url: `http://${edge.address}:${edge.ports.internal}`, token: TOKEN, session: session.name };
  const rungs = [{ ...RUNG, audioBitrateBps: 64_000 }];
  const agent = await AgentProgram.start(workplace, { rungs, encoders: ['libx264'], preset: 'ultrafast' });
  return { kind, route, agent, url: `${edge.url}/live/default/${name}`, sourceUrl };
}

/** The multivariant playlist and the facts say of captions what the source does. */
async function assertAnnounced(edge: EdgePrograms, { url, route }: Played): Promise<void> {
  const main = await text(`${url}/index.m3u8`);
  assert.match(main, /^#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,.*INSTREAM-ID="CC1"/m);
  const variants = main.split('\n').filter((line) => line.startsWith('#EXT-X-STREAM-INF'));
  assert.ok(variants.length === 2 && variants.every((line) => line.includes('CLOSED-CAPTIONS="captions"')), main);
  const captions = reportOn(edge, route.uid)?.facts?.captions;
  assert.deepEqual(
    captions?.map(({ instreamId, label }) => [instreamId, label]),
    [['CC1', 'English']],
  );
}

/** Dates and durations are those of the recording. */
async function assertSameTimes(source: Recordings, kind: Played['kind'], entries: readonly PlaylistEntry[]) {
  const all = parseMediaPlaylist(await text(source.url(`${kind}-media.m3u8`))).entries;
  const of = ({ msn, dateTime, durationSeconds }: PlaylistEntry) =>
    [msn, Date.parse(dateTime ?? ''), durationSeconds.toFixed(3)] as const;
  assert.deepEqual(entries.map(of), all.slice(-entries.length).map(of), `${kind}: dates and durations`);
}

/** Number of the first segment from which on all are of the rung; null where the last one is not. */
function rungFrom(entries: readonly PlaylistEntry[]): number | null {
  const isRung = ({ uri }: PlaylistEntry): boolean => /\/90p\/\d+\.1\.(?:ts|m4s)$/.test(uri);
  const other = entries.findLastIndex((entry) => !isRung(entry));
  return entries[other + 1]?.msn ?? null;
}

/** Who comes behind the end finds the last window, whole. */
async function afterTheEnd(screens: Screens, { url, kind }: Played): Promise<void> {
  const { frames, warnings } = await decodeToEnd(`${url}/${RUNG.name}.m3u8`);
  assert.deepEqual([frames, warnings], [WINDOW * SEGMENT_SECONDS * FRAME_RATE, ''], `${kind} behind its end`);
  await screens.lookThrough({ name: `${kind} behind its end`, url: `${url}/index.m3u8`, height: RUNG.height });
}

/** The transcode is over: nothing is encoded, the operator hears why, and its agent ends when the session does. */
async function assertOver(edge: EdgePrograms, { route, agent }: Played): Promise<void> {
  await until('FFmpeg has ended', PATIENCE_SECONDS, () => agent.encoders().length === 0);
  const report = reportOn(edge, route.uid);
  assert.deepEqual([report?.activeMode, report?.transcodeObstacle?.reason], ['Proxy', 'SourceEnded']);
  edge.operator.send({ type: 'route', route: { ...route, mode: 'Proxy', session: null } });
  assert.equal(await agent.exited, 0, 'the agent ends by itself');
}

/** How a recording was played: whether its rungs were listed to its end, and what was seen, in words. */
interface Playback {
  readonly isInTime: boolean;
  readonly facts: readonly string[];
}

async function play(edge: EdgePrograms, source: Recordings, screens: Screens, played: Played): Promise<Playback> {
  const { route, kind, url, sourceUrl, agent } = played;
  await until('the agent works', PATIENCE_SECONDS, () => reportOn(edge, route.uid)?.session?.state === 'Feeding');
  edge.operator.send({ type: 'route', route: { ...route, mode: 'Transcode' } });
  const rungUrl = `${url}/${RUNG.name}.m3u8`;
  await text(rungUrl);
  const film = { name: kind, url: `${url}/index.m3u8`, height: RUNG.height, sourceUrl };
  const onScreens = async (): Promise<readonly Shown[]> => {
    await until('players can begin', PATIENCE_SECONDS, async () => {
      return parseMediaPlaylist(await text(rungUrl)).entries.length >= LISTED_FOR_PLAYERS;
    });
    return screens.play({ ...film, seconds: CAPTIONED_SECONDS, frameRate: FRAME_RATE });
  };
  const [{ frames, playlist }, shown] = await Promise.all([playToTheEnd(rungUrl), onScreens()]);
  assert.equal(frames, CAPTIONED_SECONDS * FRAME_RATE, `pictures of ${kind} in FFmpeg`);
  await assertAnnounced(edge, played);
  await assertSameTimes(source, kind, playlist.entries);
  // In its time or not: the agent has encoded all of it.
  const last = CAPTIONED_SECONDS / SEGMENT_SECONDS - 1;
  const isStored = new RegExp(`"rung":"${RUNG.name}","msn":${last},.*"stored"`);
  await until('the last segment of the rung is stored', PATIENCE_SECONDS, () => isStored.test(agent.log));
  await afterTheEnd(screens, played);
  await assertOver(edge, played);
  const from = rungFrom(playlist.entries);
  const isInTime = from !== null && from <= LATEST_RUNG;
  return {
    isInTime,
    facts: [
      `${kind}: ${frames} frames in FFmpeg, rungs to the end from segment ${from}`,
      ...judge(kind, shown, isInTime ? from : null),
    ],
  };
}

/** @param from of the first segment of the rung, where all of them came in time; null: players are not judged */
function judge(kind: Played['kind'], shown: readonly Shown[], from: number | null): readonly string[] {
  if (from === null) return ['the machine had no time for the encoder: the source was listed in its place'];
  // Shaka Player has to reach the end: it loses pictures of a live playlist of which one segment is late, see above.
  const firstSecond = from * SEGMENT_SECONDS;
  const transcodedSeconds = CAPTIONED_SECONDS - firstSecond;
  const lines = shown.map(({ player, faults, line, captions }) => {
    if (player === 'hls') assert.deepEqual(faults, [], `${player}, ${kind}`);
    const ofRung = captions.filter((second) => second >= firstSecond).length;
    const isEnough = ofRung >= transcodedSeconds / 2 || !READS_CAPTIONS[kind].includes(player);
    assert.ok(isEnough, `${player}, ${kind}: captions of ${ofRung} of ${transcodedSeconds} s`);
    return `${line}  captions of ${ofRung} s`;
  });
  return [`the last ${transcodedSeconds} s transcoded`, ...lines];
}

async function playInTime(
  edge: EdgePrograms,
  source: Recordings,
  screens: Screens,
  kind: Played['kind'],
): Promise<string> {
  for (let number = 1; ; number += 1) {
    const played = await prepare(edge, source, kind, number);
    try {
      const { isInTime, facts } = await play(edge, source, screens, played);
      if (isInTime || number === TRIES) return facts.join('\n  ');
    } catch (error) {
      process.stdout.write(played.agent.log);
      throw error;
    } finally {
      played.agent.signal('SIGKILL');
      await played.agent.exited;
    }
  }
}

/**
 * Recordings in MPEG-TS and fragmented MP4 that are transcoded by a real agent: in FFmpeg, hls.js and Shaka Player to their
 * last picture, with their captions; then the transcode is over, and who comes later finds the last window.
 */
export function transcodedRecordings(link: LinkFolder): Promise<string> {
  return withSource(
    link,
    '127.0.60.4',
    () => Recordings.withCaptions(),
    async (source, edge) => {
      const screens = await Screens.start();
      try {
        edge.snapshot([]);
        // One after the other: two encoders and six players at once are more than two cores have time for.
        const facts = [await playInTime(edge, source, screens, 'ts'), await playInTime(edge, source, screens, 'fmp4')];
        return facts.join('\n  ');
      } finally {
        await screens.close();
      }
    },
  );
}
