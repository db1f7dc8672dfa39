import { isDeepStrictEqual } from 'node:util';
import type { OwnerReport } from '@sluice/common/link/messages.ts';

/** What a report brought; `refused`: it came from an owner that has been replaced; `position`: a segment, no more. */
export type ReportNews = 'refused' | 'position' | 'change';

/** What the owners of channels said last. */
export class OwnerReports {
  private readonly reports = new Map<string, { edge: string; report: OwnerReport }>();

  /**
   * Takes a report of the edge with this pod uid. A lower term comes from an owner that has been replaced and does not
   * know it yet.
   */
  take(edge: string, report: OwnerReport): ReportNews {
    const known = this.reports.get(report.uid);
    if (known !== undefined && report.ownerTerm < known.report.ownerTerm) return 'refused';
    this.reports.set(report.uid, { edge, report });
    const isSame = known?.edge === edge && isDeepStrictEqual(withoutPosition(known.report), withoutPosition(report));
    return isSame ? 'position' : 'change';
  }

  /** The last report of a channel; null if no owner has spoken. */
  of(uid: string): OwnerReport | null {
    return this.reports.get(uid)?.report ?? null;
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

function withoutPosition({ lastMsn: _msn, session, ...rest }: OwnerReport): object {
  if (session === null) return rest;
  const { outTimeSeconds: _time, speed: _speed, ...state } = session;
  return { ...rest, session: state };
}
