import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';

const STEP_MS = 100;
const SEGMENT_MS = 2_000;
/** What a lost owner may cost, and the step of the polls that see it. */
const MOST_LATE_MS = 2_000 + STEP_MS;

/** Number behind the newest segment of a playlist. */
const endOf = (text: string): number => Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + urisOf(text).length;

describe('segments behind the end of an owner', () => {
  let owner: TestEdge;
  let other: TestEdge;
  let third: TestEdge;

  beforeEach(async () => {
    owner = await TestEdge.open();
    other = await owner.another('edge-2');
    third = await owner.another('edge-3');
  });

  afterEach(async () => {
    for (const edge of [third, other, owner]) await edge.close();
  });

  /** Polls an edge. @returns when each number was listed first, in ms of the clock */
  async function watch(edge: TestEdge, milliseconds: number): Promise<ReadonlyMap<number, number>> {
    const listed = new Map<number, number>();
    for (let passed = 0; passed < milliseconds; passed += STEP_MS) {
      const end = endOf(await edge.playlist());
      if (!listed.has(end)) listed.set(end, owner.clock.now());
      await owner.clock.advance(STEP_MS);
    }
    return listed;
  }

  const ends = {
    'is killed': async () => {
      owner.network.remove('edge-1');
      await owner.media.close();
    },
    'is silent, as with its node': async () => owner.network.silence('edge-1'),
  } as const;
  const cases = (Object.keys(ends) as (keyof typeof ends)[]).flatMap((how) =>
    (['Proxy', 'Transcode'] as const).flatMap((maximumMode) =>
      [0, 1_300].map((phaseMs) => ({ how, maximumMode, phaseMs })),
    ),
  );

  test.each(cases)(
    'are listed 2 s late at most where it $how, $phaseMs ms behind one, at most $maximumMode',
    async ({ how, maximumMode, phaseMs }) => {
      const edges = [owner, other, third];
      const route: Partial<Route> = {
        owners: edges.map((edge) => edge.owner),
        ownerTerm: 16,
        mode: 'Proxy',
        maximumMode,
      };
      for (const edge of edges) edge.media.apply(testRoute(owner.source.url, route));
      await other.playlist();
      const before = [...(await watch(third, 12_000))];
      const [lastEnd = 0, lastAt = 0] = before.at(-1) ?? [];
      // So long behind the next one, which is in the rhythm.
      await owner.clock.advance(lastAt + SEGMENT_MS + phaseMs - owner.clock.now());
      await ends[how]();
      const after = await watch(third, 12_000);
      const late = [2, 3, 4, 5].map((next) => {
        const listedAt = [...after].find(([end]) => end >= lastEnd + next)?.[1] ?? Number.POSITIVE_INFINITY;
        return listedAt - (lastAt + next * SEGMENT_MS);
      });
      expect(Math.max(...late)).toBeLessThanOrEqual(MOST_LATE_MS);
    },
  );
});
