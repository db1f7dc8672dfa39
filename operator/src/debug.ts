import type { Route } from '@sluice/common/link/route.ts';
import { redactUri } from '@sluice/common/log/log.ts';
import type { ChannelState } from './channel/state.ts';
import type { PodLoad } from './edge-scale/usage.ts';
import type { EdgeEndpoint } from './link/endpoints.ts';
import type { Controller } from './runtime/controller/controller.ts';
import type { Refusal } from './session/admission/admit.ts';

/** Entries of a page: enough for people, and a bound for what ten thousand channels may cost. */
const ENTRIES_MAX = 500;
/** Stands for what nobody needs to see. */
const REDACTED = '[redacted]';

/** What the pages are made of. */
export interface DebugSources {
  readonly channels: () => Iterable<readonly [key: string, state: ChannelState]>;
  /** What the edges know of the channel with this uid. */
  readonly route: (uid: string) => Route | undefined;
  readonly controllers: () => readonly Pick<Controller, 'name' | 'snapshot'>[];
  /** StreamSessions that wait for a place, by uid. */
  readonly waiting: () => ReadonlyMap<string, Refusal>;
  readonly edges: () => readonly EdgeEndpoint[];
  /** What the edge with this pod uid carries; null: not known. */
  readonly load: (podUid: string) => PodLoad | null;
}

/** One page: an object fit for JSON. */
type Page = () => unknown;

/** The pages below `/debug` by path: what the operator knows and no API shows. Credentials are left out of all. */
export function debugPages(sources: DebugSources): Readonly<Record<string, Page>> {
  const pages: Record<string, Page> = {
    '/debug/routes': () => routesPage(sources),
    '/debug/queues': () => queuesPage(sources),
    '/debug/decisions': () => decisionsPage(sources),
    '/debug/edges': () => edgesPage(sources),
    '/debug/admissions': () => Object.fromEntries([...sources.waiting()].slice(0, ENTRIES_MAX)),
  };
  const index = Object.keys(pages);
  return { ...pages, '/debug': () => ({ pages: index }) };
}

function routesPage({ channels, route }: DebugSources): unknown {
  const routes: Record<string, unknown> = {};
  for (const [key, { uid }] of channels()) {
    if (Object.keys(routes).length >= ENTRIES_MAX) break;
    const known = route(uid);
    routes[key] = known === undefined ? null : redactedRoute(known);
  }
  return routes;
}

/** Headers and the query of a source may be keys; who knows a token's hash can do nothing, but has no use for it. */
function redactedRoute(route: Route): unknown {
  const { source, session } = route;
  const headers = Object.fromEntries(Object.keys(source.headers).map((name) => [name, REDACTED]));
  return {
    ...route,
    source: { ...source, uri: redactUri(source.uri), headers },
    session: session === null ? null : { ...session, tokenSha256: REDACTED },
  };
}

function queuesPage({ controllers }: DebugSources): unknown {
  return Object.fromEntries(controllers().map((controller) => [controller.name, controller.snapshot(ENTRIES_MAX)]));
}

/** By pod name; a load of null keeps the number of edges from going down. */
function edgesPage({ edges, load }: DebugSources): unknown {
  const entries = edges().map(({ podName, podUid, ...edge }) => [podName, { ...edge, load: load(podUid) }]);
  return Object.fromEntries(entries.slice(0, ENTRIES_MAX));
}

/** The newest first, over all channels. */
function decisionsPage({ channels }: DebugSources): unknown {
  const all = [...channels()].flatMap(([channel, { memory }]) =>
    memory.decisions.map((decision) => ({ channel, ...decision })),
  );
  return all.sort((one, other) => Date.parse(other.time) - Date.parse(one.time)).slice(0, ENTRIES_MAX);
}
