import { Counter, type Registry } from 'prom-client';
import type { CallObserver } from './transport.ts';

/** Methods that this client uses with the code of their success, for series that begin at 0. */
const SUCCESSES = [
  ['GET', '200'],
  ['POST', '201'],
  ['PATCH', '200'],
  ['DELETE', '200'],
] as const;

/**
 * Counts calls as client-go does: `rest_client_requests_total` by code, method and host.
 * @param server base URL of the API server
 */
export function createClientMetrics(registry: Registry, server: string): CallObserver {
  const total = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by code, method and host',
    labelNames: ['code', 'method', 'host'],
    registers: [registry],
  });
  const { host } = new URL(server);
  for (const [method, code] of SUCCESSES) total.inc({ code, method, host }, 0);
  return { onCall: (method, code, answered) => total.inc({ code, method, host: answered }) };
}
