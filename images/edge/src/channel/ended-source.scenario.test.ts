import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { playlistViolations, updateViolations } from '@sluice/test/viewer/invariants.ts';
import { type MediaPlaylist, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { TestEdge } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { findDesk } from '../work/desk.ts';

let edge: TestEdge;
beforeEach(async () => {
  edge = await TestEdge.open();
});
afterEach(() => edge.close());

/** A segment's duration. */
const POLL_SECONDS = 2;
/** Last segment of a short recording. */
const LAST = 19;

const playlist = async (): Promise<MediaPlaylist> => parseMediaPlaylist(await edge.playlist('360p'));

/** Plays `seconds` in a mode, polling as a viewer does. @returns all polls, which keep the rules */
async function play(seconds: number): Promise<readonly MediaPlaylist[]> {
  const polls: MediaPlaylist[] = [await playlist()];
  for (let passed = 0; passed < seconds; passed += POLL_SECONDS) {
    await edge.clock.advance(POLL_SECONDS * 1_000);
    polls.push(await playlist());
  }
  const problems = polls.flatMap((poll, index) => {
    const before = polls[index - 1];
    return [...playlistViolations(poll), ...(before === undefined ? [] : updateViolations(before, poll))];
  });
  expect(problems).toEqual([]);
  return polls;
}

describe.each(['Direct', 'Proxy'] as const)('in %s', (mode) => {
  const start = async (): Promise<void> => {
    await edge.probed({ mode });
    edge.media.setLocalViewers(testRoute('').uid, 1);
  };

  test('a live source that ends is played to its end, and its channel says so', async () => {
    await start();
    await edge.playlist();
    edge.source.lastMsn = edge.source.newestMsn + 3;
    const polls = await play(20);
    const last = polls.at(-1);
    expect(polls[0]?.ended).toBe(false);
    expect(last?.ended).toBe(true);
    expect(last?.entries.at(-1)?.msn).toBe(edge.source.lastMsn);
    expect(edge.report.health).toMatchObject({ state: 'degraded', reason: 'SourceEnded' });
  });

  test('goes on when the source does', async () => {
    await start();
    await edge.playlist();
    edge.source.lastMsn = edge.source.newestMsn;
    expect((await play(10)).at(-1)?.ended).toBe(true);
    edge.source.lastMsn = Number.POSITIVE_INFINITY;
    await edge.clock.advance(20_000);
    const after = await playlist();
    expect(after.ended).toBe(false);
    expect(after.entries.at(-1)?.msn).toBeGreaterThanOrEqual(edge.source.newestMsn - 2);
    expect(edge.report.health.state).toBe('healthy');
  });

  test('a recording is played from its beginning to its end, at its own pace', async () => {
    edge.source.isRecording = true;
    edge.source.lastMsn = LAST;
    await start();
    const polls = await play(44);
    expect(polls[0]?.entries[0]?.msn).toBe(0);
    const newest = polls.map(({ entries }) => entries.at(-1)?.msn ?? 0);
    for (const [index, msn] of newest.entries()) {
      expect(msn).toBeGreaterThanOrEqual(Math.min(LAST, index));
      expect(msn).toBeLessThanOrEqual(Math.min(LAST, index + 5));
    }
    expect(polls.filter(({ ended }) => ended).every(({ entries }) => entries.at(-1)?.msn === LAST)).toBe(true);
    expect(polls.at(-1)?.ended).toBe(true);
  });

  test('a recording begins anew for whoever comes when all have gone, and not for whoever comes back', async () => {
    edge.source.isRecording = true;
    edge.source.lastMsn = 99;
    await start();
    const [first] = await play(40);
    edge.media.apply(testRoute(edge.source.url, { mode: 'Idle' }));
    edge.media.setLocalViewers(testRoute('').uid, 0);
    await edge.clock.advance(12_000);
    const back = await playlist();
    expect(back.entries.at(-1)?.msn).toBeGreaterThan(20);
    await edge.clock.advance(120_000);
    const anew = await playlist();
    expect(anew.entries[0]?.discontinuity).toBe(true);
    expect(anew.entries.length).toBe(first?.entries.length);
    expect(anew.mediaSequence).toBeGreaterThan(back.mediaSequence);
    if (mode === 'Direct') expect(anew.entries[0]?.uri).toBe(first?.entries[0]?.uri);
  });

  test('what has ended says so after a restart of the sidecar, too', async () => {
    await start();
    await edge.playlist();
    edge.source.lastMsn = edge.source.newestMsn;
    const last = (await play(10)).at(-1);
    await edge.restart(1_000);
    edge.media.apply(testRoute(edge.source.url, { mode }));
    expect(await playlist()).toEqual(last);
    await edge.clock.advance(30_000);
    expect(await playlist()).toEqual(last);
  });
});

test('a source whose segments become longer than its target duration was goes on, and its channel says what to do', async () => {
  await edge.probed({ mode: 'Proxy' });
  await edge.playlist();
  edge.source.durationOf = (msn) => (msn > 20 ? 4.2 : 2);
  await edge.clock.advance(40_000);
  const { targetDurationSeconds, entries } = await playlist();
  expect(targetDurationSeconds).toBe(2);
  expect(entries.at(-1)?.durationSeconds).toBeLessThan(2.5);
  expect(edge.report.health).toMatchObject({ state: 'degraded', reason: 'SegmentsTooLong' });
  expect(edge.report.health.message).toMatch(/4\.2 s.*delete the Channel/);
});

test.each(['Direct', 'Proxy'] as const)(
  'in %s, a new owner goes on with a recording where the one before has stopped',
  async (mode) => {
    edge.source.isRecording = true;
    edge.source.lastMsn = 40;
    const other = await edge.another('edge-2');
    try {
      const route = testRoute(edge.source.url, { owners: [edge.owner, other.owner], ownerTerm: 16, mode });
      for (const one of [edge, other]) {
        one.media.apply(route);
        one.media.setLocalViewers(route.uid, 1);
      }
      await edge.clock.advance(20_000);
      const before = parseMediaPlaylist(await other.playlist());
      edge.network.remove(edge.podUid);
      await edge.media.close();
      for (let second = 0; second < 10; second += 1) await edge.clock.advance(1_000);
      const after = parseMediaPlaylist(await other.playlist());
      expect(other.report.ownerTerm).toBe(17);
      expect(updateViolations(before, after)).toEqual([]);
      expect(after.entries.some(({ discontinuity }) => discontinuity)).toBe(false);
      const seconds = 2 * ((after.entries.at(-1)?.msn ?? 0) - (before.entries.at(-1)?.msn ?? 0));
      expect(seconds).toBeGreaterThanOrEqual(6);
      expect(seconds).toBeLessThanOrEqual(14);
      for (let second = 0; second < 80; second += 2) await edge.clock.advance(2_000);
      const last = parseMediaPlaylist(await other.playlist());
      expect(last).toMatchObject({ ended: true });
      expect(last.entries.at(-1)?.msn).toBe(40);
    } finally {
      await other.close();
    }
  },
);

/** A transcoder that is slow: it hands over each segment so many ms after it could be fed with it. */
class SlowAgent {
  readonly #delayMs: number;
  readonly #fedAt = new Map<number, number>();

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  async work(): Promise<void> {
    const desk = findDesk(edge.media, 'default', 'film-1');
    const owner = edge.media.ownerOfSession('default', 'film-1');
    if (desk === null || owner === null) return;
    desk.called(1);
    for (const { msn, epoch } of owner.publisher.stored()) {
      const fedAt = this.#fedAt.get(msn) ?? edge.clock.now();
      this.#fedAt.set(msn, fedAt);
      if (fedAt + this.#delayMs > edge.clock.now()) continue;
      const section = makeInit({ width: 640, height: 360 });
      const bytes = Buffer.concat([section, makeFragment({ startSeconds: 100 + msn * 2, durationSeconds: 2 })]);
      await edge.during(() => desk.put(epoch, '360p', msn, 1, bytes));
      this.#fedAt.set(msn, Number.POSITIVE_INFINITY);
    }
  }
}

test('a recording is transcoded to its end by an encoder that is three target durations behind', async () => {
  edge.source.isRecording = true;
  edge.source.fragmented = true;
  edge.source.lastMsn = LAST;
  const ladder = [{ name: '360p', height: 360, bitrateBps: 800_000 }];
  const session = { name: 'film-1', uid: 'session-uid', tokenSha256: '0'.repeat(64), rungs: ['360p'] };
  await edge.probed({ mode: 'Transcode', ladder, session });
  const agent = new SlowAgent(3 * 2_000);
  const polls: MediaPlaylist[] = [await playlist()];
  for (let step = 0; step < 200 && polls.at(-1)?.ended !== true; step += 1) {
    await edge.clock.advance(250);
    await agent.work();
    polls.push(await playlist());
  }
  expect(polls.flatMap((poll, index) => updateViolations(polls[index - 1] ?? poll, poll))).toEqual([]);
  const listed = new Map(polls.flatMap(({ entries }) => entries.map(({ msn, uri }) => [msn, uri])));
  const ofRung = [...listed].filter(([, uri]) => uri.includes('/360p/')).map(([msn]) => msn);
  const first = ofRung[0] ?? Number.NaN;
  expect(first).toBeLessThan(LAST / 2);
  expect(ofRung).toEqual(Array.from({ length: LAST + 1 - first }, (_, index) => first + index));
});
