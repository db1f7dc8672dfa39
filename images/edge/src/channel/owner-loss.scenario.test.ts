import { describe, expect, test } from '@jest/globals';
import { type Route, TERMS_PER_BLOCK } from '@sluice/common/link/route.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';

const UID = testRoute('').uid;
const KEY = 'default/film';

/** By how much a segment may be listed later, in ms, because its channel's owner is lost. */
const MOST_LATE_MS = 2_000;
/** From the first viewer to the loss, but for its phase: the rhythm is found, and viewers everywhere are served. */
const WARM_UP_MS = 12_000;
/** Listings for so long behind the loss are judged. */
const JUDGED_MS = 9_000;
/** Between two polls of a viewer who is told of nothing. */
const POLL_MS = 100;

/** How long an owner is silent that is not lost, in ms: somewhat longer than it may be. */
const ALARM_MS = 1_600;

/** How an owner is lost. */
type Loss =
  /** Its process ends: connections to it are reset, and new ones refused. */
  | 'crash'
  /** Its node is gone, or stands still: nothing comes back from there. */
  | 'silence'
  /** The network around it is: it goes on writing what nobody sees. */
  | 'cut'
  /** It was silent for a moment only, and goes on: a false alarm. */
  | 'alarm'
  /** It and its first successor were on the node that is gone. */
  | 'two at once';

/** Where viewers of the channel are. */
type Audience =
  /** At the successors and at an edge that is none; the edges are told of them, and tell of each listing. */
  | 'everywhere'
  /** At the last successor alone, which knows them by their polls; the first one has been asked once. */
  | 'at the last successor';

/** The followers that viewers are at. */
const WATCHED: Readonly<Record<Audience, readonly string[]>> = {
  everywhere: ['edge-2', 'edge-3', 'edge-4'],
  'at the last successor': ['edge-3'],
};

/** A world in which a channel is watched, and its owner may be lost. */
interface World {
  readonly audience: Audience;
  readonly loss: Loss | null;
  /** From the end of the warm-up to the loss, in ms. */
  readonly phaseMs: number;
  /** From the source's update to the first viewer. */
  readonly offsetMs: number;
  readonly targetDurationSeconds: number;
  /** Whether the channel may transcode: then it publishes with a lag. */
  readonly lags: boolean;
  /** Confirms who has taken over. */
  readonly operator: boolean;
}

/** When each number was first listed, by edge. */
type Listings = ReadonlyMap<string, ReadonlyMap<number, number>>;

class Stage {
  readonly #edges: TestEdge[] = [];
  readonly #listings = new Map<string, Map<number, number>>();
  readonly #lost = new Set<TestEdge>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** When the owner was lost, in ms of the clock. */
  lostAt = Number.POSITIVE_INFINITY;

  /** What the owner and the watched edges say at the end, those that are left: of owners that they have heard of, and of the film. */
  readonly ends: { readonly term: number; readonly owner: string | undefined; readonly text: string }[] = [];

  /** Plays it. @returns when what was listed at the edges that viewers are at */
  async run(): Promise<Listings> {
    const owner = await TestEdge.open(undefined, { targetDurationSeconds: this.#world.targetDurationSeconds });
    this.#edges.push(owner);
    try {
      for (const podUid of ['edge-2', 'edge-3', 'edge-4']) this.#edges.push(await owner.another(podUid));
      await owner.clock.advance(this.#world.offsetMs);
      await this.#play();
      return this.#listings;
    } finally {
      for (const edge of this.#edges.toReversed()) if (!this.#lost.has(edge) || edge === owner) await edge.close();
    }
  }

  async #play(): Promise<void> {
    const route = this.#route();
    for (const edge of this.#edges) {
      edge.media.apply(route);
      if (this.#world.audience === 'everywhere') {
        for (const on of [edge.media.onPublished, edge.media.onFollowed])
          on.call(edge.media, () => this.#listed(edge, edge.media.listed(KEY, 'source')?.text));
      }
      if (this.#world.operator) edge.media.onReport(({ ownerTerm }) => this.#confirm(edge, ownerTerm));
    }
    await this.#arrive();
    await this.#pass(WARM_UP_MS + this.#world.phaseMs);
    await this.#lose();
    await this.#pass(JUDGED_MS);
    const watched = this.#edges.filter(
      ({ podUid }) => podUid === 'edge-1' || WATCHED[this.#world.audience].includes(podUid),
    );
    for (const edge of watched.filter((one) => !this.#lost.has(one))) {
      const { owners = [], ownerTerm = 0 } = edge.media.live(KEY)?.route ?? {};
      this.ends.push({ term: ownerTerm, owner: owners[0]?.podUid, text: await edge.playlist() });
    }
  }

  async #arrive(): Promise<void> {
    const [, first] = this.#edges;
    if (this.#world.audience === 'everywhere') {
      for (const edge of this.#edges.slice(1)) edge.media.setLocalViewers(UID, 1);
      for (const edge of this.#edges) await edge.playlist();
    } else {
      await first?.playlist();
    }
  }

  /** Lets time pass; who is told of nothing polls meanwhile. */
  async #pass(milliseconds: number): Promise<void> {
    const [owner, , last] = this.#edges;
    const stepMs = this.#world.audience === 'everywhere' ? milliseconds : POLL_MS;
    for (let passed = 0; passed < milliseconds; passed += stepMs) {
      if (this.#world.audience === 'at the last successor' && last !== undefined)
        this.#listed(last, await last.playlist());
      await owner?.clock.advance(stepMs);
    }
  }

  async #lose(): Promise<void> {
    const { loss } = this.#world;
    const [owner, first] = this.#edges;
    if (loss === null || owner === undefined || first === undefined) return;
    this.lostAt = owner.clock.now();
    if (loss === 'alarm') {
      owner.network.silence(owner.podUid);
      owner.clock.after(ALARM_MS, () => owner.network.silence(owner.podUid, false));
      return;
    }
    for (const edge of loss === 'two at once' ? [owner, first] : [owner]) {
      this.#lost.add(edge);
      if (loss === 'crash') edge.network.remove(edge.podUid);
      else edge.network.silence(edge.podUid);
      if (loss !== 'cut') await edge.media.close();
    }
  }

  /** What the operator does about a successor that has taken over: it names it with a term of its own. */
  #confirm(edge: TestEdge, ownerTerm: number): void {
    if (ownerTerm % TERMS_PER_BLOCK === 0) return;
    const owners = [edge, ...this.#edges.filter((other) => other !== edge)].slice(0, 3).map((one) => one.owner);
    const term = (Math.floor(ownerTerm / TERMS_PER_BLOCK) + 1) * TERMS_PER_BLOCK;
    for (const one of this.#edges) if (!this.#lost.has(one)) one.media.apply(this.#route({ owners, ownerTerm: term }));
  }

  #route(change: Partial<Route> = {}): Route {
    const [owner] = this.#edges;
    return testRoute(owner?.source.url ?? '', {
      owners: this.#edges.slice(0, 3).map((edge) => edge.owner),
      ownerTerm: TERMS_PER_BLOCK,
      mode: 'Proxy',
      maximumMode: this.#world.lags ? 'Transcode' : 'Proxy',
      ...change,
    });
  }

  #listed(edge: TestEdge, text: string | undefined): void {
    if (text === undefined || this.#lost.has(edge)) return;
    const at = this.#listings.get(edge.podUid) ?? new Map<number, number>();
    this.#listings.set(edge.podUid, at);
    const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
    urisOf(text).forEach((_uri, index) => {
      if (!at.has(first + index)) at.set(first + index, edge.clock.now());
    });
  }
}

const CONTROLS = new Map<string, Promise<Listings>>();

/** The same world without a loss. */
function undisturbed(world: World): Promise<Listings> {
  const { audience, offsetMs, targetDurationSeconds, lags } = world;
  const key = JSON.stringify([audience, offsetMs, targetDurationSeconds, lags]);
  const known = CONTROLS.get(key) ?? new Stage({ ...world, loss: null, phaseMs: targetDurationSeconds * 1000 }).run();
  CONTROLS.set(key, known);
  return known;
}

/** The worst that a segment was listed later than in the same world without a loss, at an edge that is left, in ms. */
async function worstLatenessMs(world: World, stage = new Stage(world)): Promise<number> {
  const before = await undisturbed(world);
  const after = await stage.run();
  const left = WATCHED[world.audience].filter((edge) => world.loss !== 'two at once' || edge !== 'edge-2');
  return Math.max(
    ...left.flatMap((edge) =>
      [...(before.get(edge) ?? [])]
        .filter(([, at]) => at > stage.lostAt && at <= stage.lostAt + JUDGED_MS - MOST_LATE_MS)
        .map(([msn, at]) => (after.get(edge)?.get(msn) ?? Number.POSITIVE_INFINITY) - at),
    ),
  );
}

const WORLD = { audience: 'everywhere', offsetMs: 1_400, targetDurationSeconds: 2 } as const;

describe('an owner that is lost makes segments two seconds late at most', () => {
  test.each<Pick<World, 'lags'> & { loss: Loss }>(
    (['crash', 'silence', 'cut', 'two at once'] as const).flatMap((loss) => [
      { loss, lags: false },
      { loss, lags: true },
    ]),
  )('by $loss, at each phase of the source (with a lag: $lags)', async ({ loss, lags }) => {
    for (const [index, phaseMs] of (loss === 'silence' ? [100, 700, 1_100, 1_700] : [100, 1_100]).entries()) {
      const late = await worstLatenessMs({ ...WORLD, loss, lags, phaseMs, operator: index % 2 === 0 });
      expect(late).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      expect(late).toBeLessThanOrEqual(MOST_LATE_MS);
    }
  });

  test.each(
    (['crash', 'silence'] as const).flatMap((loss) => [
      { loss, lags: false },
      { loss, lags: true },
    ]),
  )('by $loss, for one who polls where the first successor is not watched (with a lag: $lags)', async (how) => {
    for (const phaseMs of [100, 600, 1_400]) {
      const late = await worstLatenessMs({
        ...WORLD,
        ...how,
        phaseMs,
        audience: 'at the last successor',
        operator: false,
      });
      expect(late).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      expect(late).toBeLessThanOrEqual(MOST_LATE_MS + POLL_MS);
    }
  });

  test.each([false, true])('also of long segments (with a lag: %s)', async (lags) => {
    const world = { ...WORLD, loss: 'silence', lags, targetDurationSeconds: 6, operator: false } as const;
    for (const phaseMs of [100, 3_100])
      expect(await worstLatenessMs({ ...world, phaseMs })).toBeLessThanOrEqual(MOST_LATE_MS);
  });

  test.each([false, true])(
    'and a false alarm none, after which all follow one owner (with a lag: %s)',
    async (lags) => {
      const world = { ...WORLD, loss: 'alarm', lags, operator: false } as const;
      for (const phaseMs of [300, 1_500]) {
        const stage = new Stage({ ...world, phaseMs });
        expect(await worstLatenessMs({ ...world, phaseMs }, stage)).toBeLessThanOrEqual(MOST_LATE_MS);
        const [end, ...others] = stage.ends;
        expect(end).toMatchObject({ term: TERMS_PER_BLOCK + 1, owner: 'edge-2' });
        expect(end?.text).not.toContain('DISCONTINUITY\n');
        for (const other of others) expect(other).toEqual(end);
      }
    },
  );
});
