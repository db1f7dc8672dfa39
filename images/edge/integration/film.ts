import assert from 'node:assert/strict';
import type { Route } from '@sluice/common/link/route.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { Collector, framesOf, stretches } from './collector.ts';
import { ChangingTarget, GAPS, PARTED } from './film-variants.ts';
import { FRAME_RATE, LiveFilm, SEGMENT_SECONDS } from './live-film.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from './programs.ts';
import { inVlc } from './vlc-modes.ts';

const RUNG = '120p';
const FRAMES = FRAME_RATE * SEGMENT_SECONDS;
/** Modes in which what is peculiar is shown, each by a channel of its own. */
const MODES = ['Direct', 'Proxy'] as const;

/** A route of a channel that the edge owns, with one rung. */
function routeOf(edge: EdgePrograms, name: string, uri: string, mode: Route['mode']): Route {
  const ladder = [{ name: RUNG, height: 120, bitrateBps: 300_000 }];
  return testRoute(uri, { name, uid: `${name}-0000`, mode, ladder, owners: [edge.owner], ownerTerm: 1 });
}

/** Name of the channel that shows a variant of the film in a mode. */
const nameOf = (variant: string, mode: Route['mode']): string => `${variant}-${mode.toLowerCase()}`;

const urlOf = (edge: EdgePrograms, name: string, rung = 'source'): string =>
  `${edge.url}/live/default/${name}/${rung}.m3u8`;

/** Collects what a channel lists until so many segments are there, and holds each stretch to its pictures. */
async function collected(edge: EdgePrograms, name: string, segments: number): Promise<Collector> {
  const collector = new Collector(urlOf(edge, name));
  await collector.sees(`${segments} segments of ${name}`, 90, (entries) => entries.length >= segments);
  await collector.stop();
  for (const stretch of stretches(collector.entries)) {
    const frames = await framesOf(stretch.flatMap((entry) => collector.bytesOf(entry) ?? []));
    assert.equal(frames, stretch.length * FRAMES, `pictures of ${stretch.length} segments of ${name}`);
  }
  return collector;
}

/** Gaps are listed where the source has them, and nobody asks for what they stand for. */
async function gaps(edge: EdgePrograms, film: LiveFilm, mode: Route['mode']): Promise<string> {
  const { entries } = await collected(edge, nameOf('gaps', mode), 13);
  const lost = entries.filter(({ gap }) => gap);
  assert.ok(lost.length >= 2, `${lost.length} gaps of ${entries.length} segments`);
  assert.ok(entries.every(({ discontinuity }) => !discontinuity));
  assert.ok(!film.requests.some((path) => path.startsWith('gaps/') && GAPS.withholds?.(path)), 'nobody asks for a gap');
  return `${mode}: ${lost.length} gaps of ${entries.length} segments`;
}

/** Of a low-latency source whole segments are read, by plain requests. */
async function parts(edge: EdgePrograms, film: LiveFilm, mode: Route['mode']): Promise<string> {
  const { entries, newest } = await collected(edge, nameOf('parts', mode), 13);
  const asked = film.requests.filter((path) => path.startsWith('parts/'));
  assert.deepEqual(
    asked.filter((path) => /_HLS_|\.part|next/.test(path)),
    [],
  );
  assert.equal(newest?.targetDurationSeconds, SEGMENT_SECONDS);
  return `${entries.length} whole segments of a low-latency source`;
}

/** A target duration that the source makes longer is not passed on (RFC 8216bis 6.2.1): the checker would see it. */
async function durations(edge: EdgePrograms, target: ChangingTarget): Promise<string> {
  const collectors = MODES.map((mode) => new Collector(urlOf(edge, nameOf('durations', mode))));
  for (const one of collectors) await one.sees('segments of 2 s', 60, (entries) => entries.length >= 4);
  const lengths = collectors.map(({ entries }) => entries.length);
  target.seconds = 3 * SEGMENT_SECONDS;
  for (const [index, one] of collectors.entries()) {
    await one.sees('more segments of 2 s', 90, ({ length }) => length >= (lengths[index] ?? 0) + 6);
    await one.stop();
    assert.equal(one.newest?.targetDurationSeconds, SEGMENT_SECONDS);
    assert.equal(stretches(one.entries).length, 1, 'no break');
  }
  return `a target duration of ${target.seconds} s later on`;
}

/** An encoder that is started again counts from 0, its dates go on, and its segments are longer now. */
async function restart(edge: EdgePrograms, film: LiveFilm): Promise<string> {
  const collectors = MODES.map((mode) => new Collector(urlOf(edge, nameOf('restarted', mode))));
  for (const one of collectors) await one.sees('the first encoder', 60, (entries) => entries.length >= 6);
  await film.encode(SEGMENT_SECONDS + 1);
  for (const [index, one] of collectors.entries()) {
    await one.sees('the second encoder', 90, (entries) => (stretches(entries)[1]?.length ?? 0) >= 3);
    await one.stop();
    await assertRestarted(one);
    const uid = `${nameOf('restarted', MODES[index] ?? 'Proxy')}-0000`;
    assert.equal(edge.operator.reportOf(uid)?.health.reason, 'SegmentsTooLong');
  }
  return 'longer segments of another encoder';
}

/** Numbers and dates go on behind one break, and every picture of both encoders is there. */
async function assertRestarted(collector: Collector): Promise<void> {
  const [first = [], second = [], ...more] = stretches(collector.entries);
  assert.deepEqual(more, [], 'one break');
  assert.equal(second[0]?.msn, (first.at(-1)?.msn ?? 0) + 1, 'numbers go on');
  assert.ok(Date.parse(second[0]?.dateTime ?? '') > Date.parse(first.at(-1)?.dateTime ?? ''), 'dates go on');
  for (const [stretch, seconds] of [
    [first, SEGMENT_SECONDS],
    [second, SEGMENT_SECONDS + 1],
  ] as const) {
    const frames = await framesOf(stretch.flatMap((entry) => collector.bytesOf(entry) ?? []));
    assert.equal(frames, stretch.length * seconds * FRAME_RATE);
  }
}

async function plays(edge: EdgePrograms, name: string): Promise<void> {
  await until(`${name} plays`, 60, async () => (await request(urlOf(edge, name))).statusCode === 200);
}

/** A film of a real FFmpeg: in VLC through all modes, and as the sources would send it that have something peculiar. */
export async function liveFilm(link: LinkFolder): Promise<string> {
  const target = new ChangingTarget();
  const [film, restarted] = await Promise.all([
    LiveFilm.start('127.0.60.10', { gaps: GAPS, parts: PARTED, durations: target }),
    LiveFilm.start('127.0.60.11'),
  ]);
  const edge = await EdgePrograms.start('127.0.60.4', await freePorts(), link);
  try {
    const names = ['gaps', 'parts', 'durations'] as const;
    const direct = routeOf(edge, 'film', film.url(), 'Direct');
    const peculiar = MODES.flatMap((mode) => [
      ...names.map((name) => routeOf(edge, nameOf(name, mode), film.url(name), mode)),
      routeOf(edge, nameOf('restarted', mode), restarted.url(), mode),
    ]);
    edge.snapshot([direct, ...peculiar]);
    await Promise.all([direct, ...peculiar].map(({ name }) => plays(edge, name)));
    const facts = [
      inVlc({ edge, route: direct, playlist: 'rung', direct: /\/plain\/a\d+\.ts/ }),
      ...MODES.flatMap((mode) => [gaps(edge, film, mode), parts(edge, film, mode)]),
      durations(edge, target),
      restart(edge, restarted),
    ];
    // Each to its own end, also where another one fails: programs of theirs would stay behind.
    await Promise.allSettled(facts);
    return (await Promise.all(facts)).join(', ');
  } catch (error) {
    process.stdout.write(edge.log);
    throw error;
  } finally {
    await edge.stop();
    await film.stop();
    await restarted.stop();
  }
}
