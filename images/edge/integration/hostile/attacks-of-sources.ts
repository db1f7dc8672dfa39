import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { testRoute } from '../../src/testing/route.ts';
import { type LinkFolder, until } from '../programs.ts';
import { ask } from '../stage.ts';
import { besieged, type Neighbourhood } from './one-edge.ts';
import { HOSTILE_CASES, type HostileCase, HostileSources } from './sources.ts';

/**
 * What the sidecar may need more while all cases run: the room for bodies on their way (MAX_BYTES_UNDER_WAY), and what
 * the runtime has not collected yet.
 */
const CEILING_BYTES = 360_000_000;

/** The longest limit of a source is 10 s; a second try, and a machine that is busy. */
const CONDITION_SECONDS = 60;

/** A channel of a case. Playlists are met by the probe; segments by a viewer of a source that was probed before. */
function routeOf(one: HostileCase, uri: string, neighbour: Route): Route {
  const facts = one.segment === undefined ? null : factsFixture();
  return {
    ...testRoute(uri),
    ...neighbour,
    name: one.name,
    uid: `uid-${one.name}`,
    source: { uri, headers: {}, facts },
  };
}

/** Asks for a channel as its viewers do, whatever comes back. */
async function watch(url: string, name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await ask(url, `/live/default/${name}/source.m3u8?session=${name}`, { signal }).catch(() => undefined);
    await sleep(500);
  }
}

/** The first health of a channel that fits. */
async function verdictOf({ edge }: Neighbourhood, one: HostileCase): Promise<SourceHealth> {
  const reason = new RegExp(`^(?:${one.reason})$`);
  const seen = (): SourceHealth[] =>
    edge.operator.received.flatMap((message) =>
      message.type === 'report' && message.report.uid === `uid-${one.name}` ? [message.report.health] : [],
    );
  const fits = (health: SourceHealth): boolean => reason.test(health.reason) && one.says.test(health.message);
  await until(`the condition of ${one.name}`, CONDITION_SECONDS, () => seen().some(fits)).catch((error: unknown) => {
    throw new Error(`${String(error)}; it says ${JSON.stringify(seen())}`);
  });
  return seen().find(fits) as SourceHealth;
}

/** Every hostile source at the same time at one edge, each with a viewer. */
export async function hostileSources(link: LinkFolder): Promise<string> {
  const sources = new HostileSources();
  await sources.listen();
  const stopping = new AbortController();
  const watching: Promise<void>[] = [];
  try {
    return await besieged(link, CEILING_BYTES, async (neighbourhood) => {
      const { edge, neighbour } = neighbourhood;
      const from = performance.now();
      for (const one of HOSTILE_CASES) {
        edge.operator.send({ type: 'route', route: routeOf(one, sources.url(one.name), neighbour) });
        watching.push(watch(edge.url, one.name, stopping.signal));
      }
      const verdicts = HOSTILE_CASES.map(async (one) => {
        const { state } = await verdictOf(neighbourhood, one);
        assert.notEqual(state, 'healthy');
        return (performance.now() - from) / 1000;
      });
      const settled = await Promise.allSettled(verdicts);
      assert.deepEqual(
        settled.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
        [],
      );
      const seconds = settled.map((one) => (one.status === 'fulfilled' ? one.value : 0));
      return `${HOSTILE_CASES.length} sources have their condition after at most ${Math.max(...seconds).toFixed(1)} s`;
    });
  } finally {
    stopping.abort();
    await Promise.all(watching);
    await sources.close();
  }
}
