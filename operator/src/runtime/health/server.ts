import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { messageOf } from '../errors/error.ts';
import { createExposition } from './exposition.ts';

/** The questions a kubelet asks; each answers null if all is well, else what is wrong. Throwing means wrong, too. */
export interface HealthChecks {
  /** A program that is not alive is restarted: say so only of what a restart mends. */
  live(): string | null;
  ready(): string | null;
  /** A page of its own by path, shown as JSON; undefined: there is none. */
  page?(path: string): unknown;
}

/** The operations port: /livez, /readyz, /metrics and pages of the program's own. */
export interface HealthServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What /metrics answers. */
interface Metrics {
  readonly contentType: string;
  readonly text: () => Promise<string>;
}

const TEXT = 'text/plain; charset=utf-8';

/**
 * Starts the server.
 * @param port 0 for any free one
 * @param address every address if left out
 * @throws Error `EADDRINUSE` and the like
 */
export async function startHealthServer(
  port: number,
  checks: HealthChecks,
  registry: Pick<Registry, 'contentType' | 'getMetricsAsJSON'>,
  address?: string,
): Promise<HealthServer> {
  const metrics: Metrics = { contentType: registry.contentType, text: createExposition(registry) };
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    answerOf(request.method ?? '', path, checks, metrics).then(({ status, contentType, body }) => {
      response.writeHead(status, { 'content-type': contentType }).end(request.method === 'HEAD' ? undefined : body);
    }, response.destroy.bind(response));
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, address, resolve);
  });
  return { port: portOf(server), close: () => closeServer(server) };
}

async function answerOf(method: string, path: string, checks: HealthChecks, metrics: Metrics): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD');
  if (path === '/livez') return checked(checks.live);
  if (path === '/readyz') return checked(checks.ready);
  if (path !== '/metrics') return pageAt(path, checks);
  try {
    return { status: 200, contentType: metrics.contentType, body: await metrics.text() };
  } catch (error) {
    return text(500, messageOf(error));
  }
}

function pageAt(path: string, checks: HealthChecks): Answer {
  try {
    const page = checks.page?.(path);
    if (page === undefined) return text(404, 'not found');
    return { status: 200, contentType: 'application/json', body: `${JSON.stringify(page, null, 2)}\n` };
  } catch (error) {
    return text(500, messageOf(error));
  }
}

function checked(check: () => string | null): Answer {
  try {
    const fault = check();
    return fault === null ? text(200, 'ok') : text(503, fault);
  } catch (error) {
    return text(503, messageOf(error));
  }
}

function text(status: number, body: string): Answer {
  return { status, contentType: TEXT, body: `${body}\n` };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
