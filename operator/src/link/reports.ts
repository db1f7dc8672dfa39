import type { OwnerReport, SessionReport } from '@sluice/common/link/owner-report.ts';
import type { OwnerClaim } from '../channel/owners.ts';
import { sameJson, sameJsonBut } from '../runtime/apply/json.ts';

/** What a report brought; `refused`: it came from an owner that has been replaced; `position`: a segment, no more. */
export type ReportNews = 'refused' | 'position' | 'change';

/** A report and the pod uid of the edge that sent it. */
interface SpokenReport {
  readonly edge: string;
  readonly report: OwnerReport;
}

/** What the owners of channels said last. */
export class OwnerReports {
  private readonly reports = new Map<string, SpokenReport>();

  /**
   * Takes a report of the edge with this pod uid. A lower term comes from an owner that has been replaced and does not
   * know it yet; of two with the same term the lower pod uid counts, as the edges have it.
   */
  take(edge: string, report: OwnerReport): ReportNews {
    const known = this.reports.get(report.uid);
    if (known !== undefined && isReplaced({ edge, report }, known)) return 'refused';
    this.reports.set(report.uid, { edge, report });
    return known?.edge === edge && tellsTheSame(known.report, report) ? 'position' : 'change';
  }

  /** The last report of a channel; null if no owner has spoken. */
  of(uid: string): OwnerReport | null {
    return this.reports.get(uid)?.report ?? null;
  }

  /** Which edge spoke last for a channel, at which term; null if none has. */
  claimOf(uid: string): OwnerClaim | null {
    const known = this.reports.get(uid);
    return known === undefined ? null : { podUid: known.edge, term: known.report.ownerTerm };
  }

  /** Forgets a channel that was deleted. */
  forget(uid: string): void {
    this.reports.delete(uid);
  }

  /** Forgets what an edge said whose pod is gone. @returns uids of the channels that it spoke for */
  edgeGone(edge: string): readonly string[] {
    const gone = [...this.reports].filter(([, entry]) => entry.edge === edge).map(([uid]) => uid);
    for (const uid of gone) this.reports.delete(uid);
    return gone;
  }
}

/** Whether `one` comes from an owner that the one behind `known` has replaced. */
function isReplaced(one: SpokenReport, known: SpokenReport): boolean {
  const [term, other] = [one.report.ownerTerm, known.report.ownerTerm];
  return term === other ? one.edge > known.edge : term < other;
}

/** What moves with every segment; a session is compared apart. */
const POSITION: ReadonlySet<string> = new Set<keyof OwnerReport>(['lastMsn', 'session']);
const SESSION_POSITION: ReadonlySet<string> = new Set<keyof SessionReport>(['outTimeSeconds', 'speed']);

/** Whether two reports of a channel differ at most in where it is. */
export function tellsTheSame(one: OwnerReport, other: OwnerReport): boolean {
  if (!sameJsonBut(one, other, POSITION)) return false;
  if (one.session === null || other.session === null) return sameJson(one.session, other.session);
  return sameJsonBut(one.session, other.session, SESSION_POSITION);
}
