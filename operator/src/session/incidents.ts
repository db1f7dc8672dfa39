import type { OwnerReport, SessionReport } from '@sluice/common/link/owner-report.ts';
import type { Incident } from '@sluice/common/work/incident.ts';

/**
 * What happened up to this long before an operator leads may not have been told by the one before: a lease lasts 15 s,
 * and clocks differ a little. What is older was.
 */
const OVERLAP_SECONDS = 30;

/** Told of each incident once. */
export type IncidentListener = (channelUid: string, session: SessionReport, incident: Incident) => void;

interface Told {
  readonly pod: string;
  readonly incidents: ReadonlySet<string>;
}

/** Finds in the reports of owners what has happened in transcode pods since the last report. */
export class SessionIncidents {
  readonly #ledSinceMs: () => number;
  readonly #tell: IncidentListener;
  /** By the state of the channel: what was told of one goes with it. */
  readonly #told = new WeakMap<object, Told>();

  /** @param ledSinceMs since when this operator leads, in ms since the epoch */
  constructor(ledSinceMs: () => number, tell: IncidentListener) {
    this.#ledSinceMs = ledSinceMs;
    this.#tell = tell;
  }

  /** Takes in the newest report of a channel's owner. @param state that lives as long as the channel */
  take(state: object, { uid, session }: OwnerReport): void {
    if (session === null) return;
    const pod = `${session.name}-${session.attempt}`;
    const last = this.#told.get(state);
    const known = last?.pod === pod ? last.incidents : new Set<string>();
    const incidents = session.incidents ?? [];
    this.#told.set(state, { pod, incidents: new Set(incidents.map(keyOf)) });
    const sinceMs = this.#ledSinceMs() - OVERLAP_SECONDS * 1000;
    for (const incident of incidents) {
      const isNew = !known.has(keyOf(incident)) && Date.parse(incident.time) >= sinceMs;
      if (isNew) this.#tell(uid, session, incident);
    }
  }
}

function keyOf({ reason, message, time }: Incident): string {
  return `${time} ${reason} ${message}`;
}
