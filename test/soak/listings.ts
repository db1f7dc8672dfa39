import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewerClient } from '../viewer/client.ts';
import { type PlaylistEntry, parseMediaPlaylist } from '../viewer/media-playlist.ts';
import type { Listing } from './rhythm.ts';

/** A tenth of a second is small beside what a lost owner costs. */
const LOOK_MILLISECONDS = 100;
/** The longest soak, a day, of segments of 2 s. */
const MOST_LISTINGS = 43_200;

/** Sees when each segment of a channel is listed first, at whichever edge. */
export class Listings {
  readonly #all: Listing[] = [];

  get all(): readonly Listing[] {
    return this.#all;
  }

  /** @param playlistUrl of a media playlist; requests that fail are tried again */
  async watch(playlistUrl: string, client: ViewerClient, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const answer = await client.get(playlistUrl, signal).catch(() => null);
      if (answer?.status === 200) this.#take(answer.body.toString());
      await sleep(LOOK_MILLISECONDS, undefined, { signal }).catch(() => {});
    }
  }

  #take(text: string): void {
    const newest = this.#all.at(-1)?.msn ?? -1;
    const atMilliseconds = performance.now();
    const fresh = entriesOf(text).filter(({ msn }) => msn > newest);
    // What the first playlist lists was listed long before.
    const counted = newest < 0 ? fresh.slice(-1) : fresh;
    this.#all.push(...counted.map(({ msn, durationSeconds }) => ({ msn, durationSeconds, atMilliseconds })));
    this.#all.splice(0, this.#all.length - MOST_LISTINGS);
  }
}

/** None of a text that is no playlist: viewers judge those. */
function entriesOf(text: string): readonly PlaylistEntry[] {
  try {
    return parseMediaPlaylist(text).entries;
  } catch {
    return [];
  }
}
