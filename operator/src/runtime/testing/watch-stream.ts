import type { ServerResponse } from 'node:http';
import { StatusAnswer } from './answer.ts';
import type { Fault } from './faults.ts';
import { isObject, type JsonObject } from './fields.ts';
import type { ObjectStore, ServedKind, StoredEvent } from './object-store.ts';
import { matchesFields, matchesLabels } from './selectors.ts';

/** What a watch asks for. */
export interface WatchRequest {
  readonly kind: ServedKind;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly resourceVersion: string;
  readonly bookmarks: boolean;
  /** 0: never. */
  readonly timeoutSeconds: number;
}

/** One open watch. */
export interface WatchStream {
  readonly kind: ServedKind;
  /** Sends the store's version, if the client asked for bookmarks. */
  bookmark(): void;
  /** Ends it as the server does after its timeout. */
  end(): void;
  /** Breaks the connection. */
  destroy(): void;
}

/** Whether an object is among those that a list or watch asks for. */
export function isSelected(
  { namespace, labelSelector, fieldSelector }: Pick<WatchRequest, 'namespace' | 'labelSelector' | 'fieldSelector'>,
  object: JsonObject,
): boolean {
  const metadata = isObject(object.metadata) ? object.metadata : {};
  const labels = isObject(metadata.labels) ? metadata.labels : {};
  return (
    (namespace === '' || metadata.namespace === namespace) &&
    matchesLabels(labelSelector, labels) &&
    matchesFields(fieldSelector, object)
  );
}

/**
 * Serves a watch as the real server does: objects that leave the selection arrive as DELETED, and a watch from a
 * version of the future says nothing, not even a bookmark, until that version is reached.
 * @throws StatusAnswer 410 for a compacted version
 */
export function serveWatch(
  store: ObjectStore,
  request: WatchRequest,
  response: ServerResponse,
  fault: Fault | null,
): WatchStream {
  const past = store.eventsSince(request.resourceVersion);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const from = Number(request.resourceVersion);
  let pendingFault = fault;
  const known = new Set<string>();
  for (const object of store.list(request.kind)) {
    if (isSelected(request, object)) known.add(uidOf(object));
  }

  const send = (type: string, object: unknown) => {
    const line = `${JSON.stringify({ type, object })}\n`;
    if (pendingFault?.kind === 'silent' || response.destroyed) return;
    if (pendingFault?.kind === 'cut') {
      response.write(line.slice(0, line.length / 2), () => response.destroy());
    } else if (pendingFault?.kind === 'errorEvent') {
      const { status, reason, message = `${reason} by plan` } = pendingFault;
      response.end(`${JSON.stringify({ type: 'ERROR', object: new StatusAnswer(status, reason, message).body() })}\n`);
    } else {
      response.write(line);
      return;
    }
    pendingFault = { kind: 'silent' };
  };
  const deliver = (event: StoredEvent, isPast: boolean) => {
    if (event.plural !== request.kind.plural || event.resourceVersion <= from) return;
    const selected = isSelected(request, event.object);
    const uid = uidOf(event.object);
    if (!selected && (isPast || !known.has(uid))) return;
    if (selected && event.type !== 'DELETED') known.add(uid);
    else known.delete(uid);
    send(selected ? event.type : 'DELETED', event.object);
  };

  for (const event of past) deliver(event, true);
  const unsubscribe = store.onEvent((event) => deliver(event, false));
  const timer =
    request.timeoutSeconds > 0 ? setTimeout(() => response.end(), request.timeoutSeconds * 1000).unref() : undefined;
  response.on('close', () => {
    unsubscribe();
    clearTimeout(timer);
  });
  return {
    kind: request.kind,
    bookmark() {
      const { group, version, kind } = request.kind;
      const apiVersion = group === '' ? version : `${group}/${version}`;
      const metadata = { resourceVersion: String(store.resourceVersion) };
      if (request.bookmarks && store.resourceVersion >= from) send('BOOKMARK', { kind, apiVersion, metadata });
    },
    end: () => void response.end(),
    destroy: () => void response.destroy(),
  };
}

function uidOf(object: JsonObject): string {
  return String(isObject(object.metadata) ? object.metadata.uid : '');
}
