import type { SourceFacts, SourceRendition } from '@sluice/common/link/source-facts.ts';
import { sameForViewers } from './same-rendition.ts';

/**
 * What a second probe changes while playlists name renditions that the first one has found, because those neither come nor
 * go then (nor change their names): how their numbers stand to the reference's. Null where that is nothing.
 */
export function renumbered(known: SourceFacts, found: SourceFacts): SourceFacts | null {
  const offsetOf = ({ msnOffset = 0 }: SourceRendition): number => msnOffset;
  const { renditions = [] } = known;
  const now = renditions.map((one) => {
    const same = found.renditions?.filter((other) => sameForViewers(one, other)) ?? [];
    const again =
      same.find(({ bitrateBps }) => bitrateBps === one.bitrateBps) ?? (same.length === 1 ? same[0] : undefined);
    if (again === undefined || offsetOf(again) === offsetOf(one)) return one;
    const { msnOffset: _, ...rest } = one;
    return offsetOf(again) === 0 ? rest : { ...rest, msnOffset: offsetOf(again) };
  });
  return now.every((one, index) => one === renditions[index]) ? null : { ...known, renditions: now };
}
