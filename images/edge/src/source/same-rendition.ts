import type { SourceRendition } from '@sluice/common/link/source-facts.ts';
import type { Candidate } from './renditions.ts';

type Told = Pick<SourceRendition, 'kind' | 'label' | 'language' | 'height' | 'bitrateBps'>;

/** What makes a rendition the same for a viewer, whatever its URL is now. */
function sameForViewers(one: Told, other: Told): boolean {
  return (
    one.kind === other.kind &&
    one.label === other.label &&
    one.language === other.language &&
    one.height === other.height
  );
}

/**
 * Finds renditions that were probed among those that a source offers now, each once, by their rungs; null where there is
 * none any more. URLs have tokens, and packagers reckon BANDWIDTH anew as they go on: of several pictures of one height the
 * one with the same bitrate is taken, then the nearest.
 */
export function renditionsNow(
  probed: readonly SourceRendition[],
  candidates: readonly Candidate[],
): ReadonlyMap<string, Candidate | null> {
  const pairs = probed.flatMap((rendition) =>
    candidates
      .filter((candidate) => sameForViewers(rendition, candidate.rendition))
      .map((candidate) => ({
        rendition,
        candidate,
        apart: Math.abs(rendition.bitrateBps - candidate.rendition.bitrateBps),
      })),
  );
  const found = new Map<string, Candidate | null>(probed.map(({ name }) => [name, null]));
  const taken = new Set<Candidate>();
  for (const { rendition, candidate } of pairs.sort((one, other) => one.apart - other.apart)) {
    if (found.get(rendition.name) !== null || taken.has(candidate)) continue;
    found.set(rendition.name, candidate);
    taken.add(candidate);
  }
  return found;
}
