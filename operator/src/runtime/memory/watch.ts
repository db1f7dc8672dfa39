import type { JsonObject } from './fields.ts';
import type { StoredEvent } from './history.ts';
import type { ObjectStore } from './object-store.ts';
import { isSelected, type SelectionRequest } from './selection.ts';
import { apiVersionOf, qualified, type ServedKind } from './served-kind.ts';

/** What a watch asks for. */
export interface WatchRequest extends SelectionRequest {
  readonly resourceVersion: string;
  readonly bookmarks: boolean;
  /** 0: never. */
  readonly timeoutSeconds: number;
}

/** Types of what a watch delivers. */
export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Where the events of a watch go. */
export interface WatchSink {
  send(type: WatchEventType, object: JsonObject): void;
  /** The time of the watch is over. */
  end(): void;
}

/** One open watch. */
export interface OpenWatch {
  readonly kind: ServedKind;
  /** Sends the store's version, if the watch asked for bookmarks. */
  bookmark(): void;
  /** Nothing is sent any more. */
  close(): void;
}

/**
 * Opens a watch as the real server does: objects that leave the selection arrive as DELETED, and a watch from a
 * version of the future says nothing, not even a bookmark, until that version is reached.
 * @throws StatusAnswer 410 for a version that is forgotten
 */
export function openWatch(store: ObjectStore, request: WatchRequest, sink: WatchSink): OpenWatch {
  const { kind, resourceVersion, bookmarks, timeoutSeconds } = request;
  const from = Number(resourceVersion);
  const past = store.eventsSince(resourceVersion);
  const deliver = (event: StoredEvent) => {
    if (qualified(event.kind) !== qualified(kind) || event.resourceVersion <= from) return;
    const type = typeFor(event, request);
    if (type !== null) sink.send(type, event.object);
  };
  for (const event of past) deliver(event);
  const unsubscribe = store.onEvent(deliver);
  const close = () => {
    unsubscribe();
    clearTimeout(timer);
  };
  const end = () => {
    close();
    sink.end();
  };
  const timer = timeoutSeconds > 0 ? setTimeout(end, timeoutSeconds * 1000).unref() : undefined;
  return {
    kind,
    bookmark() {
      const metadata = { resourceVersion: String(store.resourceVersion) };
      if (!bookmarks || store.resourceVersion < from) return;
      sink.send('BOOKMARK', { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata });
    },
    close,
  };
}

/** What an event means to who sees only the selection. */
function typeFor({ type, before, object }: StoredEvent, request: WatchRequest): WatchEventType | null {
  const wasSelected = before !== null && isSelected(request, before);
  if (type === 'DELETED' || !isSelected(request, object)) return wasSelected ? 'DELETED' : null;
  return wasSelected ? 'MODIFIED' : 'ADDED';
}
