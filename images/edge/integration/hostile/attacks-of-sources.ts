import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { testRoute } from '../../src/testing/route.ts';
import { type LinkFolder, until } from '../programs.ts';
import { ask } from '../stage.ts';
import { besieged, type Neighbourhood } from './one-edge.ts';
import { CASE_CEILING_BYTES, HOSTILE_CASES, type HostileCase, HostileSources } from './sources.ts';
import { type Toll, tollTable } from './toll.ts';

/**
 * What the sidecar may need more while all cases run: the room for bodies on their way (MAX_BYTES_UNDER_WAY), and what
 * the runtime has not collected yet, which is more the later it gets a core for that. With what it needs in peace (115 MB)
 * that is below what its container may have (512 MiB).
 */
const CEILING_BYTES = 410_000_000;

/** The longest limit of a source is 10 s; further tries, and a machine that is busy with all edges at the same time. */
const CONDITION_SECONDS = 150;

/** Edges that are attacked side by side, each by one source at a time: most of these attacks wait for a limit of time. */
const LANES = 3;

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

/** Sends the route of a case, and a viewer; resolves when the Channel's condition says what is wrong. */
async function suffer(
  neighbourhood: Neighbourhood,
  one: HostileCase,
  sources: HostileSources,
): Promise<AsyncDisposable> {
  const { edge, neighbour } = neighbourhood;
  const stopping = new AbortController();
  edge.operator.send({ type: 'route', route: routeOf(one, sources.url(one.name), neighbour) });
  const watching = watch(edge.url, one.name, stopping.signal);
  const end = async (): Promise<void> => {
    stopping.abort();
    await watching;
    edge.operator.send({ type: 'remove', uid: `uid-${one.name}` });
  };
  try {
    const { state } = await verdictOf(neighbourhood, one);
    assert.notEqual(state, 'healthy');
    return { [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Every hostile source at the same time at one edge, each with a viewer. */
function allAtOnce(link: LinkFolder, sources: HostileSources): Promise<readonly Toll[]> {
  return besieged(link, '127.0.61.9', (neighbourhood) => {
    const bounds = { ceilingBytes: CEILING_BYTES, withinSeconds: CONDITION_SECONDS };
    return neighbourhood.attack('all at once', bounds, async () => {
      const suffered = await Promise.allSettled(HOSTILE_CASES.map((one) => suffer(neighbourhood, one, sources)));
      for (const one of suffered) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
      const faults = suffered.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
      assert.deepEqual(faults, []);
    });
  });
}

/** One after the other at several edges, so that each of them shows what it costs by itself. */
async function oneByOne(link: LinkFolder, sources: HostileSources): Promise<readonly Toll[]> {
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    besieged(link, `127.0.61.${lane + 1}`, async (neighbourhood) => {
      for (const one of HOSTILE_CASES.filter((_, index) => index % LANES === lane)) {
        const bounds = { ceilingBytes: one.ceilingBytes ?? CASE_CEILING_BYTES, withinSeconds: CONDITION_SECONDS };
        const over = await neighbourhood.attack(one.name, bounds, () => suffer(neighbourhood, one, sources));
        await over[Symbol.asyncDispose]();
      }
    }),
  );
  return (await Promise.all(lanes)).flat();
}

/** Every hostile source, together with all others and by itself. */
export async function hostileSources(link: LinkFolder): Promise<string> {
  const sources = new HostileSources();
  await sources.listen();
  try {
    const tolls = (await Promise.all([allAtOnce(link, sources), oneByOne(link, sources)])).flat();
    return `${HOSTILE_CASES.length} sources have their condition\n${tollTable(tolls)}`;
  } finally {
    await sources.close();
  }
}
