import type { SourceFacts, SourceRendition } from '@sluice/common/link/source-facts.ts';
import { renditionsNow } from './same-rendition.ts';

/**
 * What a second probe changes while playlists name renditions that the first one has found, because those neither come nor
 * go then (nor change their names): how their numbers stand to the reference's. Null where that is nothing.
 */
export function factsFoundAgain(known: SourceFacts, found: SourceFacts): SourceFacts | null {
  const offsetOf = ({ msnOffset = 0 }: SourceRendition): number => msnOffset;
  const { renditions = [] } = known;
  const offered = (found.renditions ?? []).map((rendition) => ({ rendition, uri: '' }));
  const pairs = renditionsNow(renditions, offered);
  const now = renditions.map((one) => {
    const again = pairs.get(one.name)?.rendition;
    if (again === undefined || offsetOf(again) === offsetOf(one)) return one;
    const { msnOffset: _, ...rest } = one;
    return offsetOf(again) === 0 ? rest : { ...rest, msnOffset: offsetOf(again) };
  });
  return now.every((one, index) => one === renditions[index]) ? null : { ...known, renditions: now };
}
