import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { JsonObject } from './runtime/memory/fields.ts';
import type { Fault, FaultMatch } from './runtime/testing/faults.ts';
import { Harness, SERVED } from './testing/harness.ts';
import { arriveAtTranscode, driveToTranscode, endOfRoad, goodEnd } from './testing/road.ts';

/** Back-offs and watches run so many times faster: 800 ms of a reflector become 8. */
const SPEED = 100;
/** The road costs about 40 requests without any fault; three times as many are no storm. */
const MOST_REQUESTS = 120;
/** Seconds. */
const DAY = 86_400;

// A road takes a tenth of a second, and much longer on a machine that does other things.
jest.setTimeout(20_000);

let harness: Harness;

afterEach(async () => {
  await harness.close();
});

interface Case {
  readonly name: string;
  readonly faults: readonly (readonly [Fault, FaultMatch, number])[];
}

const WATCHED = ['channels', 'streamsessions', 'pods', 'endpointslices'];
const READS = { watch: false, method: 'GET' };

function onEachWatch(fault: Fault, times: number): Case['faults'] {
  return WATCHED.map((plural) => [fault, { watch: true, plural }, times]);
}

const cases: readonly Case[] = [
  { name: 'answers slowly', faults: [[{ kind: 'slow', milliseconds: 15 }, {}, Number.POSITIVE_INFINITY]] },
  {
    name: 'answers 429 with Retry-After',
    faults: [
      [{ kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }, { method: 'PATCH' }, 4],
      [{ kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }, { method: 'POST' }, 4],
      [{ kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }, READS, 4],
    ],
  },
  {
    name: 'answers 500',
    faults: [
      [{ kind: 'status', status: 500, reason: 'InternalError' }, { method: 'PATCH' }, 5],
      [{ kind: 'status', status: 500, reason: 'InternalError' }, { method: 'POST' }, 5],
      [{ kind: 'status', status: 500, reason: 'InternalError' }, { method: 'GET' }, 8],
    ],
  },
  {
    name: 'refuses lists and watches for a while (403)',
    faults: WATCHED.flatMap((plural): Case['faults'] => [
      [{ kind: 'status', status: 403, reason: 'Forbidden' }, { plural, method: 'GET', watch: false }, 2],
      [{ kind: 'status', status: 403, reason: 'Forbidden' }, { plural, watch: true }, 2],
    ]),
  },
  {
    name: 'forgets versions: an ERROR event of 410',
    faults: onEachWatch({ kind: 'errorEvent', status: 410, reason: 'Expired' }, 2),
  },
  {
    name: 'forgets versions: an answer of 410',
    faults: onEachWatch({ kind: 'status', status: 410, reason: 'Expired' }, 2),
  },
  { name: 'half-closes watches', faults: onEachWatch({ kind: 'silent' }, 1) },
  { name: 'cuts watches in the middle of an event', faults: onEachWatch({ kind: 'cut' }, 3) },
  { name: 'sends events twice and out of order', faults: onEachWatch({ kind: 'disorder' }, Number.POSITIVE_INFINITY) },
  {
    name: 'has a conflict for the first try of every write',
    faults: [
      [{ kind: 'status', status: 409, reason: 'Conflict' }, { method: 'PATCH' }, 6],
      [{ kind: 'status', status: 409, reason: 'Conflict' }, { method: 'POST', plural: 'streamsessions' }, 2],
      [{ kind: 'status', status: 409, reason: 'Conflict' }, { method: 'POST', plural: 'secrets' }, 2],
      [{ kind: 'status', status: 409, reason: 'Conflict' }, { method: 'POST', plural: 'pods' }, 2],
    ],
  },
  {
    name: 'closes connections without an answer',
    faults: [
      [{ kind: 'reset' }, { method: 'GET' }, 6],
      [{ kind: 'reset' }, { method: 'PATCH' }, 3],
      [{ kind: 'reset' }, { method: 'POST' }, 3],
    ],
  },
  {
    name: 'answers with the page of a proxy',
    faults: [
      [{ kind: 'garbage' }, READS, 4],
      [{ kind: 'garbage' }, { method: 'PATCH' }, 3],
    ],
  },
];

describe('a channel comes to its transcode, with one pod and no storm, while the API server', () => {
  test.each(cases)('$name', async ({ faults }) => {
    harness = await Harness.create({ speed: SPEED });
    for (const [fault, match, times] of faults) harness.api.faults.plan(fault, match, times);
    const uid = await driveToTranscode(harness);
    expect(harness.api.faults.unmet).toEqual([]);
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
    expect(harness.api.requests.length).toBeLessThan(MOST_REQUESTS);
  });

  test('is killed again and again', async () => {
    harness = await Harness.create({ speed: SPEED });
    const killing = setInterval(() => harness.api.dropConnections(), 20);
    const uid = await driveToTranscode(harness).finally(() => clearInterval(killing));
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
  });
});

describe('a channel that is transcoded', () => {
  /** Whatever `happen` does leaves it as it is. */
  async function stays(happen: (uid: string) => Promise<void>): Promise<void> {
    harness = await Harness.create({ speed: SPEED });
    const uid = await driveToTranscode(harness);
    await happen(uid);
    await harness.quiet();
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
  }

  test.each([DAY, -DAY, 365 * DAY])('stays so when the wall clock jumps by %i s', async (seconds) => {
    await stays(async (uid) => {
      harness.jumpClock(seconds);
      harness.report(uid, { activeMode: 'Transcode', lastMsn: 200 });
      harness.join(uid, 6, 7);
      await harness.until('the count', () => harness.audience(uid)?.viewers === 7);
    });
  });

  test('follows its audience after a clock that jumped back, too', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = await driveToTranscode(harness);
    harness.jumpClock(-DAY);
    harness.leave(uid, 1, 5);
    await harness.until('Idle', () => harness.route(uid)?.mode === 'Idle');
    harness.report(uid, { activeMode: 'Idle', lastMsn: 200 });
    await harness.until('the end of the session', () => harness.names(SERVED.sessions).length === 0);
  });

  test('stays so under two leaders for a moment', async () => {
    await stays(async (uid) => {
      const first = harness.operator;
      const second = await harness.standby();
      await harness.takeOver(second);
      await harness.until('both links', () => harness.links() === 2);
      harness.join(uid, 1, 5, true);
      harness.report(uid, { activeMode: 'Transcode', lastMsn: 150 });
      harness.say({ type: 'synced' });
      await harness.quiet();
      await first.stop();
    });
  });

  test('stays so when the operator starts anew and its edge says nothing', async () => {
    await stays(async (uid) => {
      await harness.restart();
      await harness.until('the link', () => harness.links() === 2);
      await harness.quiet();
      expect(harness.audience(uid)?.state).toBe('unknown');
    });
  });

  test('stays so when its object can no longer be read (a CRD of a newer version)', async () => {
    await stays(async (uid) => {
      harness.api.store.update(SERVED.channels, 'tv', 'film', (channel) => {
        const delivery = (channel.spec as JsonObject).delivery as JsonObject;
        delivery.maximumMode = 'Hologram';
      });
      harness.join(uid, 6, 6);
      await harness.until('the count', () => harness.audience(uid)?.viewers === 6);
      harness.api.dropConnections(); // and is read again, as part of a list
      await harness.quiet();
      harness.api.store.update(SERVED.channels, 'tv', 'film', (channel) => {
        ((channel.spec as JsonObject).delivery as JsonObject).maximumMode = 'Transcode';
      });
    });
  });

  test('is made anew under its name with one session and one pod of its own', async () => {
    harness = await Harness.create({ speed: SPEED });
    const old = await driveToTranscode(harness);
    harness.api.store.delete(SERVED.channels, 'tv', 'film', undefined);
    const uid = harness.addChannel({ delivery: { hysteresisSeconds: 0 } });
    expect(uid).not.toBe(old);
    const collecting = setInterval(() => harness.api.store.collectGarbage(), 5);
    harness.api.store.collectGarbage();
    await arriveAtTranscode(harness, uid).finally(() => clearInterval(collecting));
    // The end of the old session may be heard before the end of its Channel: what is made then has no owner.
    harness.api.store.collectGarbage();
    expect(endOfRoad(harness, uid)).toMatchObject({ sessions: ['film-1'], mode: 'Transcode', route: 'Transcode' });
    expect(harness.names(SERVED.pods)).toHaveLength(1);
    expect(harness.route(old)).toBeNull();
    const owners = harness.sessions().flatMap(({ metadata }) => metadata.ownerReferences?.map((owner) => owner.uid));
    expect(owners).toEqual([uid]);
  });
});

describe('an object that cannot be read', () => {
  test('keeps no other channel from playing', async () => {
    harness = await Harness.create({ speed: SPEED });
    const broken = {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'Channel',
      metadata: { namespace: 'tv', name: 'broken' },
    };
    harness.api.store.create(SERVED.channels, { ...broken, spec: { delivery: 7 } }, 'kubectl');
    const uid = await driveToTranscode(harness);
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
  });

  test('may have fields that nobody knows', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = harness.addChannel({ delivery: { hysteresisSeconds: 0 } });
    harness.api.store.update(SERVED.channels, 'tv', 'film', (channel) => {
      (channel.spec as JsonObject).hologram = { depth: 3 };
    });
    await harness.start();
    await arriveAtTranscode(harness, uid);
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
    expect(harness.api.store.get(SERVED.channels, 'tv', 'film')).toMatchObject({ spec: { hologram: { depth: 3 } } });
  });
});

describe('an edge that lies', () => {
  const lies: readonly (readonly [string, (uid: string) => string])[] = [
    ['a position beyond all numbers', (uid) => JSON.stringify(reportWith(uid, { lastMsn: 1e300 }))],
    ['a negative position', (uid) => JSON.stringify(reportWith(uid, { lastMsn: -1 }))],
    ['a viewer that is no hash', (uid) => JSON.stringify({ ...NOBODY, uid, joined: [{ id: '-5', trusted: true }] })],
  ];

  test.each(lies)('by %s loses its link and nothing else', async (_name, lie) => {
    harness = await Harness.create({ speed: SPEED });
    const uid = await driveToTranscode(harness);
    harness.edge.sayRaw(lie(uid));
    await harness.until('the end of the link', () => !harness.edge.connected);
    await harness.until('the next link', () => harness.links() === 2);
    await harness.quiet();
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
  });

  test('about channels that do not exist changes none that does', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = await driveToTranscode(harness);
    const writes = harness.api.writes().length;
    for (let index = 0; index < 200; index += 1) {
      harness.say({ ...NOBODY, uid: `nobody-${index}`, snapshot: true });
      harness.report(`nobody-${index}`, { activeMode: 'Idle' });
    }
    harness.join(uid, 6, 6);
    await harness.until('the count', () => harness.audience(uid)?.viewers === 6);
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
    expect(harness.api.writes().length - writes).toBeLessThan(5);
  });

  test('with a new story in every report costs a bounded number of writes', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = await driveToTranscode(harness);
    const writes = harness.api.writes().length;
    for (let index = 0; index < 100; index += 1) {
      const health = { state: 'degraded', reason: `Story${index}`, message: `story ${index}` } as const;
      harness.report(uid, { activeMode: 'Proxy', lastMsn: 100 + index, health });
      if (index % 50 === 0) await harness.quiet();
    }
    await harness.until('the last story', () => harness.channel().status?.source?.health?.reason === 'Story99');
    // Six at once, ten at the common rate, and a few of the session.
    expect(harness.api.writes().length - writes).toBeLessThan(30);
  });

  test('by going away and coming back all the time is dialled less and less often', async () => {
    harness = await Harness.create({ speed: SPEED });
    const uid = await driveToTranscode(harness);
    const cutting = setInterval(() => harness.edge.cut(), 10);
    await new Promise((resolve) => setTimeout(resolve, 300));
    clearInterval(cutting);
    expect(harness.links()).toBeLessThan(8);
    expect(endOfRoad(harness, uid)).toEqual(goodEnd());
  });
});

const NOBODY = { type: 'viewers' as const, snapshot: false, joined: [], left: [] };

function reportWith(uid: string, changes: object): object {
  const health = { state: 'healthy', reason: 'Healthy', message: '' };
  const report = { uid, ownerTerm: 1_700_000_000, activeMode: 'Proxy', epoch: 1, lastMsn: 1, facts: null, health };
  const rest = { directObstacle: null, transcodeObstacle: null, session: null };
  return { type: 'report', report: { ...report, ...rest, ...changes } };
}
