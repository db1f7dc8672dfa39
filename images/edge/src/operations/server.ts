import { createServer, type Server, type ServerResponse } from 'node:http';
import { METRICS_CONTENT_TYPE, type Metrics } from '@sluice/common/metrics/metrics.ts';

/** What the probes ask; each answer null if all is well, else what is missing. */
export interface Health {
  /** nginx may start: its configuration and the sidecar's socket are there. */
  readonly startup: () => string | null;
  /** The pod may get viewers. */
  readonly ready: () => string | null;
}

/**
 * Probes and metrics: /startupz, /livez, /readyz, /metrics. /livez answers whenever the process can answer at all: the
 * edge has no state that a restart would mend.
 */
export function createOperationsServer(health: Health, metrics: Metrics): Server {
  return createServer((request, response) => {
    const [path] = (request.url ?? '').split('?');
    if (path === '/livez') sendHealth(response, null);
    else if (path === '/startupz') sendHealth(response, health.startup());
    else if (path === '/readyz') sendHealth(response, health.ready());
    else if (path === '/metrics') void sendMetrics(response, metrics);
    else sendText(response, 404, 'there are /startupz, /livez, /readyz and /metrics\n');
  });
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
