import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Fault } from './runtime/testing/faults.ts';
import { Harness, SERVED } from './testing/harness.ts';
import { arriveAtTranscode, driveToTranscode, endOfRoad, goodEnd } from './testing/road.ts';

/** Back-offs run so many times faster. */
const SPEED = 100;
/** How long every write meets a conflict, in milliseconds: half a minute for the operator. */
const STORM_MS = 300;
/**
 * What half a minute of conflicts may cost: a key that fails is tried again after 5 ms, 10 ms, 20 ms ..., so 13 times in
 * 30 s, each with what has to be read anew; the channel and its session are two keys, and each Event is tried 5 times.
 */
const MOST_REQUESTS = 80;
/** A key that fails is tried so often within a third of a second of the operator's time. */
const LEAST_FAILURES = 6;
/** The road up and down costs about 30 requests with these conflicts; four times as many are no storm. */
const MOST_REQUESTS_OF_ROAD = 120;
const CONFLICT = { kind: 'status', status: 409, reason: 'Conflict' } as const;
const FOR_EVER = Number.POSITIVE_INFINITY;

// A road takes a tenth of a second, and much longer on a machine that does other things.
jest.setTimeout(20_000);

let harness: Harness;

afterEach(async () => {
  await harness.close();
});

/**
 * Lets every write fail for a while, and until some have: a machine that does other things may need longer for them.
 * @returns how many requests the operator made meanwhile
 */
async function storm(fault: Fault = CONFLICT): Promise<number> {
  const before = harness.api.requests.length;
  const failedBefore = failures();
  harness.api.faults.plan(fault, { write: true }, FOR_EVER);
  await new Promise((resolve) => setTimeout(resolve, STORM_MS));
  await harness.until('writes that fail', () => failures() - failedBefore >= LEAST_FAILURES);
  harness.api.faults.clear();
  return harness.api.requests.length - before;
}

/** How many writes have failed. */
function failures(): number {
  return harness.api.writes().filter(({ status }) => status >= 400).length;
}

/** How many writes have met a conflict. */
function conflicts(): number {
  return harness.api.writes().filter(({ status }) => status === 409).length;
}

/** Lets all viewers leave, and waits until nothing of the transcode is wanted any more. */
async function leaveAll(uid: string): Promise<void> {
  harness.leave(uid, 1, 5);
  await harness.until('Idle', () => harness.route(uid)?.mode === 'Idle');
  harness.report(uid, { activeMode: 'Idle', lastMsn: 200 });
}

const nothingLeft = () => harness.names(SERVED.sessions).length === 0 && harness.channel().status?.mode === 'Idle';

describe('every write of the operator has a conflict', () => {
  test('for half a minute from its start: afterwards a channel comes to its transcode, with one pod', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = harness.addChannel({ delivery: { hysteresisSeconds: 0 } });
    await harness.start();
    const road = arriveAtTranscode(harness, uid);
    expect(await storm()).toBeLessThan(MOST_REQUESTS);
    expect(conflicts()).toBeGreaterThan(5);
    await road;
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
  });

  test('for half a minute when the session is there, but no pod yet', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = harness.addChannel({ delivery: { hysteresisSeconds: 0 } });
    const noPods = { method: 'POST', plural: 'pods' };
    harness.api.faults.plan(CONFLICT, noPods, FOR_EVER);
    await harness.start();
    const road = arriveAtTranscode(harness, uid);
    await harness.until('the session', () => harness.names(SERVED.sessions).length === 1);
    expect(await storm()).toBeLessThan(MOST_REQUESTS);
    expect(harness.names(SERVED.pods)).toEqual([]);
    await road;
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
  });

  test('for half a minute while a transcode ends: afterwards nothing of it is left', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = await driveToTranscode(harness);
    const before = conflicts();
    const ending = leaveAll(uid);
    expect(await storm()).toBeLessThan(MOST_REQUESTS);
    expect(conflicts()).toBeGreaterThan(before);
    await ending;
    await harness.until('the end of the session', nothingLeft);
    expect(harness.created('pods')).toBe(1);
    expect(harness.created('streamsessions')).toBe(1);
  });

  test.each([2, 3])('each time of %i, for ever: up to the transcode and down again all the same', async (every) => {
    harness = await Harness.create({ speed: SPEED });
    harness.api.faults.plan(CONFLICT, { write: true, every }, FOR_EVER);
    const uid = await driveToTranscode(harness);
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
    await leaveAll(uid);
    await harness.until('the end of the session', nothingLeft);
    expect(conflicts()).toBeGreaterThan(3);
    expect(harness.created('pods')).toBe(1);
    expect(harness.created('streamsessions')).toBe(1);
    expect(harness.api.requests.length).toBeLessThan(MOST_REQUESTS_OF_ROAD);
  });
});

describe('every write of the operator is refused', () => {
  test('for half a minute (403): afterwards every channel has its status, and the one that is watched its transcode', async () => {
    harness = await Harness.create({ speed: SPEED });
    harness.addChannel({}, { name: 'quiet' });
    const uid = harness.addChannel({ delivery: { hysteresisSeconds: 0 } });
    await harness.start();
    const road = arriveAtTranscode(harness, uid);
    expect(await storm({ kind: 'status', status: 403, reason: 'Forbidden' })).toBeLessThan(MOST_REQUESTS);
    await road;
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
    await harness.until('the status of the other', () => harness.channel('quiet').status?.mode === 'Idle');
  });
});
