import { AudienceBook } from './book.ts';
import type { EdgeProcess } from './edge-presence.ts';

/** A book under test. */
export interface Desk {
  book: AudienceBook;
  changed: string[];
  clock: { nowMs: number };
}

/** A book that follows channel `c` (timeout 60 s), an hour after the operator's start, with a synced edge `a`. */
export function deskOf(): Desk {
  const clock = { nowMs: 0 };
  const changed: string[] = [];
  const book = new AudienceBook({
    now: () => clock.nowMs,
    onChange: (uid) => changed.push(uid),
    onEdgeChange: () => changed.push('all'),
    onUnheard: (edge) => changed.push(`again ${edge}`),
  });
  clock.nowMs = 3_600_000;
  book.follow({ uid: 'c', timeoutSeconds: 60, peak: 0 });
  sync(book, 'a');
  return { book, changed, clock };
}

/** An edge is linked and has said all: nothing yet. */
export function sync(book: AudienceBook, edge: string): void {
  book.edgeSeen(edge, true);
  book.edgeConnected(edge);
  book.edgeSynced(edge);
}

/** A sidecar by the name of its start. */
export function processOf(instance: string): EdgeProcess {
  return { instance, restartedSecondsAgo: null };
}

/** Trusted ids. */
export function joined(...ids: string[]): { id: string; trusted: boolean }[] {
  return ids.map(trusting);
}

/** A trusted id. */
export function trusting(id: string): { id: string; trusted: boolean } {
  return { id, trusted: true };
}
