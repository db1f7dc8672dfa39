import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import type { Rung } from '@sluice/crds';

/** The ladder as its playlists name it now, and whether the spec asks for another one. */
export interface LadderInForce {
  /** What the multivariant playlist names. */
  readonly rungs: readonly Rung[];
  /** True while an edit of the spec waits for the channel to be Idle. */
  readonly pending: boolean;
}

/** The rungs that are not higher than the source; all of them while its height is not known. */
export function clipToSource(ladder: readonly Rung[], facts: SourceFacts | null): readonly Rung[] {
  if (facts === null || facts.height === 0) return ladder;
  return ladder.filter(({ height }) => height <= facts.height);
}

/**
 * The ladder in force. A viewer URL never changes its multivariant playlist while it is watched, so an edit waits
 * until the channel is Idle. `previous` is what the playlists name until now, out of the
 * status, so that a restart of the operator does not let an edit slip through; null if nothing was ever served.
 */
export function ladderInForce(
  spec: readonly Rung[],
  previous: readonly Rung[] | null,
  isIdle: boolean,
  facts: SourceFacts | null,
): LadderInForce {
  const wanted = clipToSource(spec, facts);
  if (previous === null || isIdle || sameLadder(wanted, previous)) return { rungs: wanted, pending: false };
  return { rungs: previous, pending: true };
}

/** Whether two ladders give the same playlists and the same encodes. */
export function sameLadder(one: readonly Rung[], other: readonly Rung[]): boolean {
  return (
    one.length === other.length &&
    one.every((rung, index) => {
      const twin = other[index];
      return (
        twin !== undefined &&
        rung.name === twin.name &&
        rung.height === twin.height &&
        rung.bitrateBps === twin.bitrateBps &&
        rung.audioBitrateBps === twin.audioBitrateBps
      );
    })
  );
}
