import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { besideRungs } from '../source/renditions.ts';

/** What the owner of a channel has said of it last, beside its timeline; nothing yet at first. */
export class OwnerWord {
  #report: OwnerReport | null = null;
  #ladder: Route['ladder'] | null = null;

  take(report: OwnerReport, ladder: Route['ladder']): void {
    this.#report = report;
    this.#ladder = ladder;
  }

  get report(): OwnerReport | null {
    return this.#report;
  }

  /** What it has found at the source; null until its first probe has ended. */
  get facts(): OwnerReport['facts'] {
    return this.#report?.facts ?? null;
  }

  /** The ladder of its playlists; the route's as long as it has told none. */
  ladder(route: Route): Route['ladder'] {
    return this.#ladder ?? route.ladder;
  }

  /** Names of all rungs that there may be, for as long as no timeline names them. */
  rungs(route: Route): readonly string[] {
    return ['source', ...besideRungs(this.facts), ...this.ladder(route).map(({ name }) => name)];
  }
}
