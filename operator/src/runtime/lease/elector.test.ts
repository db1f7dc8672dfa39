import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { ApiError } from '../client/api-error.ts';
import type { Client } from '../client/client.ts';
import { createMemoryClient } from '../memory/client.ts';
import { ObjectStore } from '../memory/object-store.ts';
import type { Clock } from '../queue/clock.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { createElector, type Elector } from './elector.ts';
import { LEASE } from './lease.ts';
import { createElectionMetrics } from './metrics.ts';

const NAME = { namespace: 'default', name: 'widgets' };
/** 2026-01-01T00:00:00Z */
const BEGIN = 1_767_225_600;

/** What happens to the calls of one process. */
type Trouble = 'none' | 'fails' | 'hangs';

/** Several processes with one API server and one clock. */
class World {
  readonly clock = new ManualClock();
  readonly store = new ObjectStore({ kinds: [LEASE], now: () => BEGIN * 1000 + this.clock.now() });
  readonly processes = new Map<string, { elector: Elector; elected: number[]; lost: string[]; trouble: Trouble }>();

  join(identity: string, { watch = false, clock = this.clock }: { watch?: boolean; clock?: Clock } = {}): Elector {
    const process = { elected: [] as number[], lost: [] as string[], trouble: 'none' as Trouble };
    const elector = createElector({
      client: this.client(() => entry.trouble),
      lease: NAME,
      identity,
      fieldManager: 'widget-controller',
      watch,
      onElected: (term) => process.elected.push(term),
      onLost: (reason) => process.lost.push(reason),
      now: () => BEGIN * 1000 + this.clock.now(),
      clock,
    });
    const entry = Object.assign(process, { elector });
    this.processes.set(identity, entry);
    elector.start();
    return elector;
  }

  process(identity: string) {
    const process = this.processes.get(identity);
    if (process === undefined) throw new Error(`no process ${identity}`);
    return process;
  }

  /** Lets time pass in small steps, and calls end in between. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds * 1000; left > 0; left -= 500) {
      this.clock.advance(Math.min(left, 500));
      await settled();
    }
  }

  leaders(): readonly string[] {
    return [...this.processes].filter(([, { elector }]) => elector.state === 'leader').map(([identity]) => identity);
  }

  lease() {
    return LEASE.parse(this.store.get(LEASE, NAME.namespace, NAME.name));
  }

  private client(trouble: () => Trouble): Client {
    const client = createMemoryClient(this.store);
    const through = async <R>(call: () => Promise<R>): Promise<R> => {
      if (trouble() === 'hangs') return new Promise<R>(() => {});
      if (trouble() === 'fails') throw new ApiError('away', { code: 'Unreachable', retryable: true, status: 503 });
      return call();
    };
    return {
      ...client,
      get: (type, name) => through(() => client.get(type, name)),
      create: (type, object) => through(() => client.create(type, object)),
      apply: (type, object, manager) => through(() => client.apply(type, object, manager)),
      list: (type, selection, page) => client.list(type, selection, page),
      watch: (type, options, signal) => client.watch(type, options, signal),
    };
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await nextTurn();
}

describe('an elector', () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  afterEach(async () => {
    await Promise.all(
      [...world.processes.values()].map(async (process) => {
        process.trouble = 'none';
        const stopped = process.elector.stop();
        await settled();
        world.clock.advance(3000); // calls that hang are given up
        await stopped;
      }),
    );
  });

  test('makes the Lease where there is none, leads, and renews it every 2 s', async () => {
    world.join('a');
    await settled();
    expect(world.process('a').elected).toEqual([BEGIN]);
    await world.pass(2);
    const { spec } = world.store.get(LEASE, NAME.namespace, NAME.name);
    expect(spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:02.000000Z',
    });
  });

  test('of two that start together one leads', async () => {
    world.join('a');
    world.join('b');
    await world.pass(30);
    expect(world.leaders()).toHaveLength(1);
  });

  test('a standby takes over 17 s after a crash at the latest, with a higher term', async () => {
    world.join('a');
    await settled();
    world.join('b');
    await world.pass(5);
    world.process('a').trouble = 'hangs'; // what a killed process does to the API server: nothing
    await world.pass(14);
    expect(world.process('b').elected).toEqual([]);
    await world.pass(3);
    expect(world.process('b').elected).toEqual([BEGIN + 1]);
  });

  test.each([
    { watch: true, seconds: 0 },
    { watch: false, seconds: 2 },
  ])('a standby (watch: $watch) takes over $seconds s after a release', async ({ watch, seconds }) => {
    const leader = world.join('a');
    await settled();
    world.join('b', { watch });
    await world.pass(0.5);
    await leader.stop();
    await settled();
    await world.pass(seconds);
    expect(world.leaders()).toEqual(['b']);
    expect(world.lease().spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test.each(['fails', 'hangs'] as const)(
    'a leader whose renewing %s gives up after 10 s, before another leads',
    async (trouble) => {
      world.join('a');
      await settled();
      world.join('b');
      await world.pass(4);
      world.process('a').trouble = trouble;
      await world.pass(9.5);
      expect(world.leaders()).toEqual(['a']);
      await world.pass(0.5);
      expect(world.leaders()).toEqual([]);
      expect(world.process('a').lost).toEqual(['it could not be renewed for 10 s']);
      expect(world.process('a').elector.fault()).toBe('the lease is lost');
      await world.pass(7);
      expect(world.leaders()).toEqual(['b']);
    },
  );

  test('a leader bears a server that is away for 7 s', async () => {
    world.join('a');
    await settled();
    world.process('a').trouble = 'fails';
    await world.pass(7);
    world.process('a').trouble = 'none';
    await world.pass(20);
    expect(world.process('a')).toMatchObject({ elected: [BEGIN], lost: [] });
  });

  test('a leader stays one when somebody else writes to its Lease, or deletes it', async () => {
    world.join('a');
    await settled();
    world.store.update(LEASE, NAME.namespace, NAME.name, (object) => {
      object.metadata = { ...(object.metadata as object), labels: { team: 'video' } };
    });
    await world.pass(5);
    world.store.delete(LEASE, NAME.namespace, NAME.name, undefined);
    await world.pass(5);
    expect([world.leaders(), world.process('a').lost, world.lease().spec?.holderIdentity]).toEqual([['a'], [], 'a']);
  });

  test('a leader that finds another holder has lost', async () => {
    world.join('a');
    await settled();
    world.store.update(LEASE, NAME.namespace, NAME.name, (object) => {
      object.spec = { ...(object.spec as object), holderIdentity: 'b' };
    });
    await world.pass(2.5);
    expect(world.process('a').lost).toEqual(['another process holds the lease']);
  });

  test('a leader that was frozen past its lease is not alive, whatever its timers do', async () => {
    let leap = 0;
    const clock = { now: () => world.clock.now() + leap, setTimer: world.clock.setTimer };
    const elector = world.join('a', { clock });
    await settled();
    expect(elector.fault()).toBeNull();
    leap = 16_000;
    expect(elector.fault()).toBe('this leader has not renewed its lease for 16 s');
  });

  test('stopped while its first call is under way, it leaves no lease held', async () => {
    const stopped = world.join('a').stop();
    await stopped;
    const held = world.store.list(LEASE).map((object) => LEASE.parse(object).spec?.holderIdentity);
    expect(held.filter((holder) => holder === 'a')).toEqual([]);
  });

  test('tells in leader_election_master_status who leads, from the start on', async () => {
    const registry = new Registry();
    const elector = world.join('a');
    createElectionMetrics(registry, 'widgets', () => elector.state === 'leader');
    expect(await registry.metrics()).toContain('leader_election_master_status{name="widgets"} 0');
    await settled();
    expect(await registry.metrics()).toContain('leader_election_master_status{name="widgets"} 1');
  });
});

const IDENTITY = fc.constantFrom('a', 'b', 'c');
const STEP = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 6 }) }),
  fc.record({
    kind: fc.constant('trouble' as const),
    identity: IDENTITY,
    trouble: fc.constantFrom<Trouble[]>('none', 'fails', 'hangs'),
  }),
);

test('whatever happens to their calls, no two processes lead at the same time, and terms only grow', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 12 }), async (steps) => {
      const world = new World();
      for (const identity of ['a', 'b', 'c']) world.join(identity);
      const terms: number[] = [];
      for (const step of steps) {
        if (step.kind === 'trouble') world.process(step.identity).trouble = step.trouble;
        else await world.pass(step.seconds);
        expect(world.leaders().length).toBeLessThanOrEqual(1);
        for (const leader of world.leaders()) terms.push(...world.process(leader).elected);
      }
      expect(terms).toEqual([...terms].sort((left, right) => left - right));
    }),
    { numRuns: 25 },
  );
});
