import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';

/** An answer with everything that tests look at. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** What a test asks. */
export interface TestRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'OPTIONS' | 'PUT' | 'DELETE';
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Opens a server on a loopback port; returns how to ask it and how to end it. */
export async function openServer(server: Server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async ask(path: string, options: TestRequest = {}): Promise<TestAnswer> {
      const answer = await request(`http://127.0.0.1:${port}${path}`, options);
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
    },
    async close(): Promise<void> {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
