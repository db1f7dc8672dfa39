import type { Channel } from '@sluice/crds';
import { compareResourceVersions } from '../runtime/cache/resource-version.ts';
import type { ChannelState } from './state.ts';

/**
 * Takes in a version of a Channel that differs in its status alone. Nearly always that is the echo of an own write, and
 * is not even read. A later one is somebody else's word: of a leader before this one whose last write came late, of a
 * backup, of a person.
 * @returns whether it is, so that the writer has to compare it with what should stand there
 */
export function takeForeignStatus(channel: Channel, state: ChannelState): boolean {
  const { uid, resourceVersion = '' } = channel.metadata;
  // What comes while a write is under way is taken for its echo, which may be here before the answer.
  if (uid !== state.uid || state.isWriting || state.writtenVersion === '') return false;
  if (compareResourceVersions(resourceVersion, state.writtenVersion) <= 0) return false;
  state.written = channel.status;
  state.writtenVersion = resourceVersion;
  return true;
}
