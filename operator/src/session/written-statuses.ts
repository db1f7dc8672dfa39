import type { StreamSession } from '@sluice/crds';
import { compareResourceVersions } from '../runtime/cache/resource-version.ts';
import { keyOf, type WrittenObject } from '../runtime/client/client.ts';

interface Known {
  readonly uid: string;
  /** Resource version of the session with the status that is known; empty: not known. */
  version: string;
  isWriting: boolean;
}

/**
 * Which statuses of StreamSessions their controller knows, so that the echo of an own write is told from somebody else's
 * word: of a leader before this one whose last write came late, of a backup, of a person.
 */
export class WrittenStatuses {
  readonly #known = new Map<string, Known>();

  /** The controller has read this version. */
  read({ metadata }: StreamSession): void {
    const { uid = '', resourceVersion: version = '' } = metadata;
    this.#known.set(keyOf(metadata), { uid, version, isWriting: false });
  }

  /**
   * Notes what a write makes of the session with this key.
   * @param write tells of the object as the API server has it
   */
  async note(key: string, write: (onWritten: (object: WrittenObject) => void) => Promise<unknown>): Promise<void> {
    const known = this.#known.get(key) ?? { uid: '', version: '', isWriting: false };
    known.isWriting = true;
    try {
      await write(({ metadata }) => {
        known.version = metadata.resourceVersion ?? '';
      });
    } finally {
      known.isWriting = false;
    }
  }

  /** The session is gone. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  /**
   * Whether a version of a session is neither known nor an echo. What comes while a write is under way is taken for its
   * echo, which may be here before the answer.
   */
  isForeign({ metadata }: StreamSession): boolean {
    const known = this.#known.get(keyOf(metadata));
    if (known === undefined || known.uid !== metadata.uid || known.isWriting || known.version === '') return false;
    return compareResourceVersions(metadata.resourceVersion ?? '0', known.version) > 0;
  }
}
