import { createServer, type Server } from 'node:http';
import { METRICS_CONTENT_TYPE, type Metrics } from '@sluice/common/metrics/metrics.ts';

/** The questions a kubelet asks; each answers null if all is well, else what is wrong. */
export interface HealthChecks {
  live(): string | null;
  ready(): string | null;
}

/** The operations port: /livez, /readyz, /metrics. */
export interface HealthServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** @param port 0 for any free one */
export async function startHealthServer(port: number, checks: HealthChecks, metrics: Metrics): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const check = path === '/livez' ? checks.live : path === '/readyz' ? checks.ready : null;
    if (check !== null) {
      const fault = check();
      response.writeHead(fault === null ? 200 : 503, { 'content-type': 'text/plain' }).end(`${fault ?? 'ok'}\n`);
    } else if (path === '/metrics') {
      metrics.text().then(
        (text) => response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE }).end(text),
        () => response.writeHead(500).end(),
      );
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, resolve);
  });
  return { port: portOf(server), close: () => closeServer(server) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
