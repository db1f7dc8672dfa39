import type { Route } from '@sluice/common/link/route.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import { besideRungs } from '../source/renditions.ts';
import type { TimelineLog } from '../timeline/log.ts';

/** The ladder of a channel's playlists: as long as something is listed they neither gain nor lose a rung. */
export class ShownLadder {
  #rungs: Route['ladder'];
  readonly #facts: () => SourceFacts | null;

  /** @param facts what is known of the source now */
  constructor(rungs: Route['ladder'], facts: () => SourceFacts | null) {
    this.#rungs = rungs;
    this.#facts = facts;
  }

  /** As the route has given them. */
  get rungs(): Route['ladder'] {
    return this.#rungs;
  }

  /** Names for a new log: `source` first, the source's other renditions, then the ladder from high to low. */
  get names(): readonly string[] {
    const ladder = [...this.#rungs].sort((one, other) => other.height - one.height);
    return ['source', ...besideRungs(this.#facts()), ...ladder.map(({ name }) => name)];
  }

  /** Names that playlists have now. */
  namesIn(log: TimelineLog | null): readonly string[] {
    return log !== null && log.entries.length > 0 ? log.rungs : this.names;
  }

  /** Takes another ladder, unless something is listed. */
  take(rungs: Route['ladder'], log: TimelineLog | null): void {
    if (log === null || log.entries.length === 0) this.#rungs = rungs;
  }
}
