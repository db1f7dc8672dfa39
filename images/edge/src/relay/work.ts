import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { WORK_POLL_SECONDS } from '@sluice/common/work/contract.ts';
import { Agent } from 'undici';
import { isOwner } from '../channel/mode.ts';
import { ownerUnreachable } from '../channel/waiters.ts';
import { sendError } from '../http/error-answer.ts';
import { hostOf } from '../replication/address.ts';
import { ANSWER_TIMEOUT_MS } from '../replication/limits.ts';
import type { RouteListener, RouteTable } from '../routes/table.ts';
import { keyOf } from '../viewers/audiences.ts';
import { tokenMatches } from '../work/token.ts';

/** Marks what another edge has relayed: it is answered here or nowhere. */
const RELAYED_HEADER = 'sluice-relayed';
/** Beside the long poll: what an owner under load may take for an answer, in ms. */
const ANSWER_MS = 10_000;
/** Requests to all owners at one time; each holds two sockets and some 100 kB, never a whole segment. */
const MAX_RELAYED_REQUESTS = 256;

const WORK_PATH = /^\/internal\/v1\/sessions\/([a-z0-9.-]{1,253})\/([a-z0-9.-]{1,253})\/[\w/.?&=-]{1,500}$/;
const REQUEST_HEADERS = ['authorization', 'sluice-attempt', 'content-type', 'content-length'] as const;
const ANSWER_HEADERS = ['content-type', 'content-length', 'retry-after'] as const;

/** A session of a channel's route, still known after the route has dropped it: its pod asks until it may end. */
interface KnownSession {
  readonly uid: string;
  readonly tokenSha256: string;
}

/** The way of the agents to the owners: they ask the Service, and so whichever edge. */
export interface WorkRelay {
  readonly listener: RequestListener;
  close(): Promise<void>;
}

/**
 * Puts a relay in front of the work API: what a session's agent asks an edge that does not own its channel goes to the
 * owner's internal port. Only for holders of the session's token, and never twice: a relayed request is marked, and what
 * is marked stays.
 */
export function createWorkRelay(routes: RouteTable, podUid: string, local: RequestListener): WorkRelay {
  const sessions = new KnownSessions();
  routes.subscribe(sessions);
  const dispatcher = new Agent({
    connect: { timeout: ANSWER_TIMEOUT_MS },
    headersTimeout: WORK_POLL_SECONDS * 1000 + ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });
  let running = 0;
  const ownerOf = (request: IncomingMessage): { key: string; address: string } | null => {
    if (request.headers[RELAYED_HEADER] !== undefined) return null;
    const [, namespace = '', name = ''] = WORK_PATH.exec(request.url ?? '') ?? [];
    const session = sessions.find(namespace, name);
    const route = session === null ? null : routes.byUid(session.uid);
    const owner = route?.owners[0];
    if (session === null || route === null || owner === undefined || isOwner(route, podUid)) return null;
    if (!tokenMatches(request.headers.authorization, session.tokenSha256)) return null;
    return hostOf(owner.address) === null ? null : { key: keyOf(route), address: owner.address };
  };
  return {
    listener: (request, response) => {
      const owner = ownerOf(request);
      if (owner === null) {
        local(request, response);
        return;
      }
      if (running >= MAX_RELAYED_REQUESTS) {
        sendError(response, ownerUnreachable(owner.key));
        return;
      }
      running += 1;
      relay(dispatcher, owner.address, request, response)
        .catch(() => (response.headersSent ? response.destroy() : sendError(response, ownerUnreachable(owner.key))))
        .finally(() => {
          running -= 1;
        });
    },
    close: () => dispatcher.destroy(),
  };
}

async function relay(
  dispatcher: Agent,
  address: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answer = await dispatcher.request({
    origin: `http://${address}`,
    path: request.url ?? '/',
    method: (request.method ?? 'GET') as 'GET',
    headers: { ...picked(request.headers, REQUEST_HEADERS), [RELAYED_HEADER]: '1' },
    body: request.method === 'GET' || request.method === 'HEAD' ? null : request,
    signal: gone.signal,
  });
  response.writeHead(answer.statusCode, picked(answer.headers, ANSWER_HEADERS));
  await pipeline(answer.body, response);
}

function picked(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}

/** The newest session of each channel, by name, for as long as the channel is there. */
class KnownSessions implements RouteListener {
  readonly #byName = new Map<string, KnownSession>();
  readonly #nameByUid = new Map<string, string>();

  find(namespace: string, name: string): KnownSession | null {
    return this.#byName.get(`${namespace}/${name}`) ?? null;
  }

  applied({ namespace, uid, session }: Parameters<RouteListener['applied']>[0]): void {
    if (session === null) return;
    this.#forget(uid);
    const name = `${namespace}/${session.name}`;
    this.#byName.set(name, { uid, tokenSha256: session.tokenSha256 });
    this.#nameByUid.set(uid, name);
  }

  removed({ uid }: Parameters<RouteListener['removed']>[0]): void {
    this.#forget(uid);
  }

  #forget(uid: string): void {
    const name = this.#nameByUid.get(uid);
    if (name === undefined) return;
    this.#nameByUid.delete(uid);
    if (this.#byName.get(name)?.uid === uid) this.#byName.delete(name);
  }
}
