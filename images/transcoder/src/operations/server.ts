import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { messageOf } from '@sluice/common/errors/error.ts';
import { isOwnPod } from '@sluice/common/http/own-pod.ts';
import { METRICS_CONTENT_TYPE } from '@sluice/common/metrics/metrics.ts';

/** What the operations server tells and asks. */
export interface Operations {
  isReady(): boolean;
  metrics(): Promise<string>;
  /** Waits until the pod may end; true if the owner let go. */
  drain(): Promise<boolean>;
}

/**
 * The agent's operations server: /livez, /readyz (an encoder was found), /metrics for everybody who reaches the pod,
 * and /drain for the pod itself.
 * @param port 0 for any
 * @param address null: every address of the machine
 */
export async function serveOperations(port: number, address: string | null, operations: Operations): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, operations).then(
      ({ status, type, body }) => send(response, status, type, body),
      (error: unknown) => send(response, 500, 'text/plain', `${messageOf(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address ?? undefined, resolve);
  });
  return server;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(request: IncomingMessage, operations: Operations): Promise<Answer> {
  switch (request.url) {
    case '/livez':
      return text(200, 'ok');
    case '/readyz':
      return operations.isReady() ? text(200, 'ok') : text(503, 'no encoder has been chosen yet');
    case '/metrics':
      return { status: 200, type: METRICS_CONTENT_TYPE, body: await operations.metrics() };
    case '/drain':
      if (!isOwnPod(request.socket)) return text(403, 'only from within the pod');
      if (request.method !== 'POST') return text(405, 'use POST');
      return text(200, (await operations.drain()) ? 'drained' : 'the time for draining is over');
    default:
      return text(404, 'there are /livez, /readyz, /metrics and /drain');
  }
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}
