import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Route } from '@sluice/common/link/route.ts';
import { type MediaPlaylist, type PlaylistEntry, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { AgentProgram } from '@sluice/transcoder/integration/program.ts';
import { testRoute } from '../src/testing/route.ts';
import { type PlayedToEnd, playToTheEnd } from './play-to-end.ts';
import { text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { assertLastWindow } from './recordings-behind-the-end.ts';
import { CAPTIONED_SECONDS, FRAME_RATE, Recordings, SEGMENT_SECONDS } from './recordings-source.ts';
import { Screens } from './screens.ts';
import { TOKEN } from './stage.ts';
import { withSource } from './with-source.ts';

const RUNG = { name: '90p', height: 90, bitrateBps: 200_000 };
/** Longest wait for what takes a second, on a busy machine. */
const PATIENCE_SECONDS = 90;
/** Number of the last segment. */
const LAST = CAPTIONED_SECONDS / SEGMENT_SECONDS - 1;
/** Segments at the end that are an encoder's at least, however long it took to start. */
const LEAST_ENCODED = 4;

/** One recording as a channel in Transcode, with an agent of its own. */
interface Channel {
  readonly kind: 'ts' | 'fmp4';
  readonly route: Route;
  readonly agent: AgentProgram;
  /** URL of the channel, without a slash at the end. */
  readonly url: string;
}

/** A channel whose agent waits for its first segment: nobody watches yet. */
async function prepare(edge: EdgePrograms, source: Recordings, kind: Channel['kind']): Promise<Channel> {
  const tokenSha256 = createHash('sha256').update(TOKEN).digest('hex');
  const session = { name: `session-${kind}`, uid: `session-${kind}`, tokenSha256, rungs: [RUNG.name] };
  const owned = { owners: [edge.owner], ownerTerm: 1, ladder: [RUNG], session };
  const route = testRoute(source.url(`${kind}.m3u8`), { name: kind, uid: `${kind}-0000`, ...owned });
  edge.operator.send({ type: 'route', route });
  const workplace = { url: `http://${edge.address}:${edge.ports.internal}`, token: TOKEN, session: session.name };
  const rungs = [{ ...RUNG, audioBitrateBps: 64_000 }];
  const agent = await AgentProgram.start(workplace, { rungs, encoders: ['libx264'], preset: 'ultrafast' });
  return { kind, route, agent, url: `${edge.url}/live/default/${kind}` };
}

/** The multivariant playlist and the facts say of captions what the source does. */
async function assertAnnounced(edge: EdgePrograms, { url, route }: Channel): Promise<void> {
  const main = await text(`${url}/index.m3u8`);
  assert.match(main, /^#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,.*INSTREAM-ID="CC1"/m);
  const variants = main.split('\n').filter((line) => line.startsWith('#EXT-X-STREAM-INF'));
  assert.ok(variants.length === 2 && variants.every((line) => line.includes('CLOSED-CAPTIONS="captions"')), main);
  const captions = edge.operator.reportOf(route.uid)?.facts?.captions;
  assert.deepEqual(
    captions?.map(({ instreamId, label }) => [instreamId, label]),
    [['CC1', 'English']],
  );
}

/** Dates and durations are those of the recording. */
async function assertSameTimes(source: Recordings, kind: Channel['kind'], entries: readonly PlaylistEntry[]) {
  const all = parseMediaPlaylist(await text(source.url(`${kind}-media.m3u8`))).entries;
  const of = ({ msn, dateTime, durationSeconds }: PlaylistEntry) =>
    [msn, Date.parse(dateTime ?? ''), durationSeconds.toFixed(3)] as const;
  assert.deepEqual(entries.map(of), all.slice(-entries.length).map(of), `${kind}: dates and durations`);
}

/** Of the rung are the last segment and all before it from one on. @returns that one's number */
function rungFrom({ entries, ended }: MediaPlaylist, kind: Channel['kind']): number {
  assert.ok(ended && entries.at(-1)?.msn === LAST, `${kind} ends with the last segment`);
  const isRung = ({ uri }: PlaylistEntry): boolean => /\/90p\/\d+\.1\.(?:ts|m4s)$/.test(uri);
  const from = entries.findIndex(isRung);
  const told = entries.map(({ uri }) => uri).join('\n');
  assert.ok(from >= 0 && entries.slice(from).every(isRung), `${kind}: rungs to the end\n${told}`);
  assert.ok(entries.length - from >= LEAST_ENCODED, `${kind}: more than the last rungs\n${told}`);
  return entries[from]?.msn ?? Number.NaN;
}

/** The transcode is over: nothing is encoded, the operator hears why, and its agent ends when the session does. */
async function assertOver(edge: EdgePrograms, { route, agent }: Channel): Promise<void> {
  await until('FFmpeg has ended', PATIENCE_SECONDS, () => agent.encoders().length === 0);
  const report = edge.operator.reportOf(route.uid);
  assert.deepEqual([report?.activeMode, report?.transcodeObstacle?.reason], ['Proxy', 'SourceEnded']);
  edge.operator.send({ type: 'route', route: { ...route, mode: 'Proxy', session: null } });
  assert.equal(await agent.exited, 0, 'the agent ends by itself');
}

/** Plays a channel from its beginning to its end, while its agent encodes it. */
async function play(edge: EdgePrograms, { kind, route, url }: Channel): Promise<PlayedToEnd> {
  await until('the agent works', PATIENCE_SECONDS, () => {
    return edge.operator.reportOf(route.uid)?.session?.state === 'Feeding';
  });
  edge.operator.send({ type: 'route', route: { ...route, mode: 'Transcode' } });
  const played = await playToTheEnd(`${url}/${RUNG.name}.m3u8`);
  assert.equal(played.frames, CAPTIONED_SECONDS * FRAME_RATE, `pictures of ${kind} in FFmpeg`);
  return played;
}

/** Who comes when all is listed finds what was promised. @returns what was seen, in words */
async function lookBack(
  source: Recordings,
  edge: EdgePrograms,
  screens: Screens,
  { channel, played: { frames, playlist } }: { readonly channel: Channel; readonly played: PlayedToEnd },
): Promise<string> {
  const from = rungFrom(playlist, channel.kind);
  await assertAnnounced(edge, channel);
  await assertSameTimes(source, channel.kind, playlist.entries);
  const captions = await assertLastWindow(source, screens, { ...channel, rung: RUNG, entries: playlist.entries });
  await assertOver(edge, channel);
  return `${channel.kind}: ${frames} frames in FFmpeg, rungs from segment ${from} to ${LAST}, ${captions}`;
}

async function playBoth(source: Recordings, edge: EdgePrograms, channels: readonly Channel[]): Promise<string> {
  // Nothing runs beside the encoders but what reads them at once; browsers come when all is listed.
  const ended = await Promise.all(channels.map(async (channel) => ({ channel, played: await play(edge, channel) })));
  const screens = await Screens.start();
  try {
    const told = await Promise.all(ended.map((one) => lookBack(source, edge, screens, one)));
    return told.join('\n  ');
  } finally {
    await screens.close();
  }
}

/**
 * Recordings in MPEG-TS and fragmented MP4 that are transcoded by real agents: in FFmpeg to their last picture, with their
 * captions in each; then the transcode is over, and hls.js and Shaka Player find the last window, with its captions.
 */
export function transcodedRecordings(link: LinkFolder): Promise<string> {
  return withSource(
    link,
    '127.0.60.4',
    () => Recordings.withCaptions(),
    async (source, edge) => {
      edge.snapshot([]);
      const channels = await Promise.all((['ts', 'fmp4'] as const).map((kind) => prepare(edge, source, kind)));
      try {
        return await playBoth(source, edge, channels);
      } catch (error) {
        for (const { agent } of channels) process.stdout.write(agent.log);
        throw error;
      } finally {
        for (const { agent } of channels) agent.signal('SIGKILL');
        await Promise.all(channels.map(({ agent }) => agent.exited));
      }
    },
  );
}
