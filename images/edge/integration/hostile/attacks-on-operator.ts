import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EdgeMessage, MAX_EDGE_FRAME_BYTES, MAX_HOLD_SECONDS } from '@sluice/common/link/messages.ts';
import { FakeEdge } from '@sluice/operator/link/fake-edge.ts';
import { reportFixture } from '@sluice/operator/testing/fixtures.ts';
import type { WebSocket } from 'ws';
import { until } from '../programs.ts';
import { type Behaviour, BrokenInto } from './link-edge.ts';
import { OperatorProgram } from './operator-program.ts';
import { Pulse } from './pulse.ts';
import { type Bounds, judge, PeakMemory, type Toll, tollTable } from './toll.ts';

/** Some of which the broken edge speaks, beside the one that the healthy edge has viewers of. */
const CHANNELS = 12;
/** How long each attack goes on: time for some of the burst that the operator takes (24 MiB). */
const ATTACK_SECONDS = 1;

/**
 * What the operator may need more in one attack: a burst of frames of 1.5 MiB as bytes, text and objects, and what of it is not
 * collected yet; ids come to that.
 */
const CEILING_BYTES = 120_000_000;
/** Three hundred thousand ids, in the union and by edge. */
const IDS_CEILING_BYTES = 200_000_000;
/** Memory limit of its pod in the chart (512 MiB): what all attacks together leave behind within a minute has room in it, too. */
const POD_BYTES = 512 * 1024 * 1024;

const FRAME_BYTES = MAX_EDGE_FRAME_BYTES - 1024;
/** Viewers in one message, as an edge sends them: less than 1 MB. */
const VIEWERS = 20_000;

let next = 0n;
/** Ids that nobody has. */
const ids = (count: number): string[] =>
  Array.from({ length: count }, () => {
    next += 1n;
    return next.toString(16).padStart(16, '0');
  });

const viewers = (uid: string, count = VIEWERS, snapshot = false): string => {
  const joined = ids(count).map((id) => ({ id, trusted: true }));
  return JSON.stringify({ type: 'viewers', uid, snapshot, joined, left: [] } satisfies EdgeMessage);
};

/** Says something again and again, as fast as it is taken, while the connection is there. */
async function saying(operator: WebSocket, text: () => string | Buffer): Promise<void> {
  while (operator.readyState === operator.OPEN) {
    if (operator.bufferedAmount < 2 * FRAME_BYTES) operator.send(text());
    await sleep(operator.bufferedAmount < FRAME_BYTES ? 0 : 10);
  }
}

interface Attack {
  readonly name: string;
  readonly behave: (uids: readonly string[]) => Behaviour;
  readonly ceilingBytes?: number;
  /** Misbehaves before its challenge. */
  readonly unproved?: boolean;
}

const padded = (text: string): string => text + ' '.repeat(FRAME_BYTES - text.length);

const ATTACKS: readonly Attack[] = [
  { name: 'frames beyond the limit', behave: () => (link) => saying(link, () => Buffer.alloc(8_000_000, 0x20)) },
  { name: 'frames before a challenge', behave: () => (link) => saying(link, () => padded('{}')), unproved: true },
  { name: 'largest frames', behave: () => (link) => saying(link, () => padded('{"type":"synced"}')) },
  {
    name: 'no JSON',
    behave: () => (link) => saying(link, () => '['.repeat(FRAME_BYTES)),
  },
  {
    name: 'nesting',
    behave: () => (link) => saying(link, () => '['.repeat(FRAME_BYTES / 2) + ']'.repeat(FRAME_BYTES / 2)),
  },
  { name: 'unknown messages', behave: () => (link) => saying(link, () => padded('{"type":"later"}')) },
  {
    name: 'pings',
    behave: () => (link) =>
      saying(link, () => {
        link.ping(Buffer.alloc(125));
        return '{"type":"later"}';
      }),
  },
  {
    name: 'ids of one channel',
    behave:
      ([uid = '']) =>
      (link) =>
        saying(link, () => viewers(uid)),
    ceilingBytes: IDS_CEILING_BYTES,
  },
  {
    name: 'ids of all channels',
    behave: (uids) => (link) => {
      let turn = 0;
      return saying(link, () => viewers(uids[turn++ % uids.length] ?? ''));
    },
    ceilingBytes: IDS_CEILING_BYTES,
  },
  {
    name: 'channels that there are not',
    behave: () => (link) => saying(link, () => viewers(`made-up-${ids(1)}`, 100)),
  },
  {
    name: 'snapshots of channels that there are not',
    behave: () => (link) => saying(link, () => viewers(`made-up-${ids(1)}`, 0, true)),
  },
  {
    name: 'channels with long names',
    behave: () => (link) => saying(link, () => viewers(`${ids(1)}${'x'.repeat(FRAME_BYTES - 200)}`, 1)),
  },
  {
    name: 'reports of novels',
    behave: (uids) => (link) => {
      let turn = 0;
      const health = { state: 'down', reason: 'x'.repeat(500_000), message: 'y'.repeat(900_000) } as const;
      return saying(link, () =>
        JSON.stringify({ type: 'report', report: reportFixture({ uid: uids[turn++ % uids.length] ?? '', health }) }),
      );
    },
  },
  {
    name: 'questions for seats',
    behave: (uids) => (link) => {
      let turn = 0;
      const holdSeconds = MAX_HOLD_SECONDS;
      const question = (uid: string) => JSON.stringify({ type: 'admit', uid, ids: ids(10_000), holdSeconds });
      return saying(link, () => question(uids[turn++ % uids.length] ?? ''));
    },
  },
  {
    name: 'goodbyes and signs',
    behave:
      ([uid = '']) =>
      (link) => {
        const types = ['leave', 'signs'] as const;
        return saying(link, () => JSON.stringify({ type: types[Number(next) % 2], uid, ids: ids(50_001) }));
      },
  },
  {
    name: 'questions whose answers are not read',
    behave:
      ([uid = '']) =>
      (link) => {
        link.pause();
        return saying(link, () => JSON.stringify({ type: 'admit', uid, ids: ids(10_000) }));
      },
  },
  { name: 'hanging up', behave: () => (link) => link.terminate() },
];

/** A healthy edge whose viewers come and go; each time it hears the count of its channel. */
class Healthy {
  readonly #edge: FakeEdge;
  readonly #timer: NodeJS.Timeout;
  heard = 0;

  private constructor(edge: FakeEdge, uid: string) {
    this.#edge = edge;
    let isThere = false;
    this.#timer = setInterval(() => {
      const one = [{ id: 'f'.repeat(16), trusted: true }];
      edge.say({
        type: 'viewers',
        uid,
        snapshot: false,
        joined: isThere ? [] : one,
        left: isThere ? ['f'.repeat(16)] : [],
      });
      isThere = !isThere;
    }, 250);
  }

  /** @param uid of the channel that it has viewers of */
  static async start(operator: OperatorProgram, uid: string): Promise<Healthy> {
    const healthy: { now: Healthy | null } = { now: null };
    const edge = await FakeEdge.start(operator.keys, 'healthy', {
      onMessage: (message) => {
        if (message.type === 'hello') edge.say({ type: 'synced' });
        if (message.type === 'audience' && message.audience.uid === uid && healthy.now !== null) healthy.now.heard += 1;
      },
    });
    operator.add(edge.endpoint());
    healthy.now = new Healthy(edge, uid);
    return healthy.now;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#edge.close();
  }
}

async function suffer(operator: OperatorProgram, healthy: Healthy, attack: Attack): Promise<Toll> {
  const bounds: Bounds = { ceilingBytes: attack.ceilingBytes ?? CEILING_BYTES, withinSeconds: 60 };
  const memory = new PeakMemory(operator.pid);
  await memory.begin();
  const pulse = new Pulse(() => healthy.heard, operator.pid);
  const from = performance.now();
  const [mine = '', ...others] = operator.uids;
  const behave = attack.behave(others.length > 0 ? others : [mine]);
  const edge = await BrokenInto.start(operator.keys, `broken-${from}`, behave, attack.unproved !== true);
  try {
    operator.add(edge.endpoint());
    await until('the operator dials', 30, () => edge.links > 0);
    await sleep(ATTACK_SECONDS * 1000);
    operator.remove(edge.endpoint());
    const { heard } = healthy;
    await until(`the healthy edge is heard after ${attack.name}`, 60, () => healthy.heard >= heard + 2);
    const { baseBytes } = memory;
    const seconds = (performance.now() - from) / 1000;
    const toll = {
      ...bounds,
      name: attack.name,
      baseBytes,
      grownBytes: await memory.grownBytes(),
      seconds,
      gap: pulse.end(),
    };
    judge(toll);
    return toll;
  } finally {
    pulse.end();
    edge.close();
  }
}

/** Whatever an edge says that somebody has broken into, the operator goes on for the others, within its memory. */
export async function hostileEdges(): Promise<string> {
  const operator = await OperatorProgram.start(CHANNELS);
  let healthy: Healthy | null = null;
  try {
    healthy = await Healthy.start(operator, operator.uids[0] ?? '');
    const beside = healthy;
    await until('the operator leads, and counts', 60, () => beside.heard >= 2);
    const tolls: Toll[] = [];
    for (const attack of ATTACKS) tolls.push(await suffer(operator, beside, attack));
    assert.ok(operator.isRunning, 'the operator runs');
    const highest = Math.max(...tolls.map(({ baseBytes, grownBytes }) => baseBytes + grownBytes));
    assert.ok(highest < POD_BYTES, `the operator needs ${highest} bytes, its pod may have ${POD_BYTES}`);
    const megabytes = (highest / 1e6).toFixed(0);
    return `${ATTACKS.length} attacks on the operator, at most ${megabytes} MB resident\n${tollTable(tolls)}`;
  } catch (error) {
    process.stdout.write(operator.log);
    throw error;
  } finally {
    await healthy?.stop();
    await operator.stop();
  }
}
