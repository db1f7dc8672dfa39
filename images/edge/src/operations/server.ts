import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isOwnPod } from '@sluice/common/http/own-pod.ts';
import { METRICS_CONTENT_TYPE, type Metrics } from '@sluice/common/metrics/metrics.ts';

/** What the probes ask; each answer null if all is well, else what is missing. */
export interface Health {
  /** nginx may start: its configuration and the sidecar's socket are there. */
  readonly startup: () => string | null;
  /** The pod may get viewers. */
  readonly ready: () => string | null;
  /** The pod ends soon; resolves when it has served on for so many seconds, and its channels are with others. */
  readonly leave: (seconds: number) => Promise<void>;
}

/** Longest time that a pod may want to serve on, in seconds: far above any grace period. */
const MAX_LEAVE_SECONDS = 3_600;

/**
 * Probes and metrics: /startupz, /livez, /readyz, /metrics; and for the pod itself /leave?seconds=N. /livez answers whenever the process can answer at all: the
 * edge has no state that a restart would mend.
 */
export function createOperationsServer(health: Health, metrics: Metrics): Server {
  return createServer((request, response) => {
    const [path, query] = (request.url ?? '').split('?');
    if (path === '/livez') sendHealth(response, null);
    else if (path === '/startupz') sendHealth(response, health.startup());
    else if (path === '/readyz') sendHealth(response, health.ready());
    else if (path === '/metrics') void sendMetrics(response, metrics);
    else if (path === '/leave') void leave(request, response, query ?? '', health);
    else sendText(response, 404, 'there are /startupz, /livez, /readyz and /metrics\n');
  });
}

async function leave(request: IncomingMessage, response: ServerResponse, query: string, health: Health): Promise<void> {
  const seconds = Number(new URLSearchParams(query).get('seconds') ?? '0');
  const isValid = seconds >= 0 && seconds <= MAX_LEAVE_SECONDS;
  if (!isOwnPod(request.socket)) sendText(response, 403, 'only from within the pod\n');
  else if (request.method !== 'POST') sendText(response, 405, 'use POST\n');
  else if (!isValid) sendText(response, 400, `seconds must be a number from 0 to ${MAX_LEAVE_SECONDS}\n`);
  else {
    await health.leave(seconds);
    sendText(response, 200, 'the edge may go\n');
  }
}

function sendHealth(response: ServerResponse, missing: string | null): void {
  sendText(response, missing === null ? 200 : 503, `${missing ?? 'ok'}\n`);
}

async function sendMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  try {
    const text = await metrics.text();
    response.writeHead(200, { 'Content-Type': METRICS_CONTENT_TYPE }).end(text);
  } catch (thrown) {
    sendText(response, 500, `the metrics could not be read: ${String(thrown)}\n`);
  }
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }).end(text);
}
