import type { Mode } from '@sluice/common/link/mode.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Channel, Rung, StreamSession } from '@sluice/crds';
import { sameJson } from '../../runtime/apply/json.ts';
import type { Ownership } from '../owners.ts';

/** What a route is made of. */
export interface RouteInput {
  readonly channel: Channel;
  readonly source: Route['source'];
  readonly mode: Mode;
  readonly reportSigns: boolean;
  readonly ladder: readonly Rung[];
  readonly ownership: Ownership;
  /** One without a uid is still being made, and no edge hears of it. */
  readonly session: StreamSession | null;
  /** Lower-case hex SHA-256 of the session's token. */
  readonly tokenSha256: string;
  readonly report: OwnerReport | null;
  /** What the edges have now. */
  readonly previous: Route | undefined;
}

/** The route of a channel: everything that the edges know of it. */
export function buildRoute(input: RouteInput): Route {
  const { channel, ladder, ownership, session } = input;
  const { delivery, viewers } = channel.spec;
  const route: Route = {
    namespace: channel.metadata.namespace ?? 'default',
    name: channel.metadata.name,
    uid: channel.metadata.uid ?? '',
    generation: channel.metadata.generation ?? 0,
    source: input.source,
    mode: input.mode,
    minimumMode: delivery.minimumMode,
    maximumMode: delivery.maximumMode,
    ...(delivery.exposeSource === undefined ? {} : { exposeSource: delivery.exposeSource }),
    heartbeatSeconds: viewers.heartbeatSeconds,
    timeoutSeconds: viewers.timeoutSeconds,
    identity: viewers.identity,
    ...(viewers.maxViewers === undefined ? {} : { maxViewers: viewers.maxViewers }),
    reportSigns: input.reportSigns,
    ladder: ladder.map(({ name, height, bitrateBps }) => ({ name, height, bitrateBps })),
    owners: ownership.owners,
    ownerTerm: ownership.term,
    session:
      session?.metadata.uid === undefined
        ? null
        : {
            name: session.metadata.name,
            uid: session.metadata.uid,
            tokenSha256: input.tokenSha256,
            rungs: session.spec.rungs.map(({ name }) => name),
          },
    resume: resumeOf(channel, input.report),
  };
  return unlessOnlyResumeMoved(route, input.previous);
}

function resumeOf(channel: Channel, report: OwnerReport | null): Route['resume'] {
  const epoch = Math.max(report?.epoch ?? 0, channel.status?.epoch ?? 0);
  if (epoch === 0) return null;
  const inEpoch = [
    report?.epoch === epoch ? report.lastMsn : 0,
    channel.status?.epoch === epoch ? (channel.status.lastMsn ?? 0) : 0,
  ];
  return { epoch, lastMsn: Math.max(...inEpoch) };
}

/**
 * A new segment alone is no reason to write to every edge: `resume` matters to an owner that takes over, and the
 * route changes when the owner does.
 */
function unlessOnlyResumeMoved(route: Route, previous: Route | undefined): Route {
  if (previous === undefined) return route;
  return sameJson({ ...route, resume: null }, { ...previous, resume: null }) ? previous : route;
}
