import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { ViewerRequest } from './viewer-request.ts';

/**
 * It is always nginx who closes an idle connection (after 60 s), so that no request is lost; and a socket of nginx that has
 * gone is closed by the kernel. So there is no time-out, which would be set and cleared with each request.
 */
const KEEP_ALIVE_MS = 0;
/** nginx sends the whole head at once; a request that is not there after this never comes. */
const HEADERS_MS = 10_000;
/**
 * nginx may run as another user (started by root, its workers do). The socket answers nothing that nginx does not offer
 * to everybody, so letting any user in gives nothing away.
 */
const SOCKET_MODE = 0o666;

/**
 * Connections that wait to be accepted: a full queue of a unix socket refuses at once, which nginx makes a 503 of, and
 * all viewers of a channel may ask in the same moment. The kernel's limit (somaxconn) is 4096 as well.
 */
const BACKLOG = 4096;

/** The server behind nginx, on a unix socket: `/live` to the one handler, everything else to the other. */
export function createViewerServer(
  live: RequestListener,
  api: (request: ViewerRequest, response: ServerResponse) => void,
): Server {
  // What has no body, as nearly all requests, needs no stream that ends: a tenth less work for each.
  const options = { optimizeEmptyRequests: true, IncomingMessage: ViewerRequest };
  const server = createServer(options, (request, response) => {
    if (request.url?.startsWith('/live/') === true) live(request, response);
    else api(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_MS;
  return server;
}

/** Listens on a unix socket; one that a killed process left behind is removed. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  server.listen({ path, backlog: BACKLOG });
  await once(server, 'listening');
  await chmod(path, SOCKET_MODE);
}

/** Stops accepting, lets running answers finish for at most `graceMs`, then cuts them. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
