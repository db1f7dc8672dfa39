import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openServer } from '../testing/http.ts';
import { createViewerServer } from './server.ts';

const LIMIT_BYTES = 10;

let server: Awaited<ReturnType<typeof openServer>>;
let taken: (string | null)[];

/** Answers each request with what was taken of it. */
beforeEach(async () => {
  taken = [];
  const viewers = createViewerServer(
    () => {},
    (request, response) =>
      request.takeBody(LIMIT_BYTES, (body) => {
        taken.push(body === null ? null : body.toString());
        response.writeHead(200, ['Content-Length', '2']).end('ok');
      }),
  );
  server = await openServer(viewers);
});
afterEach(() => server.close());

describe('a body that is taken past the stream', () => {
  test('is had whole, with a length and without', async () => {
    expect((await server.ask('/api', { method: 'POST', body: '0123456789' })).text).toBe('ok');
    const client = await connected();
    client.write(head('Transfer-Encoding: chunked'));
    client.write('3\r\nabc\r\n4\r\ndefg\r\n0\r\nSome-Trailer: x\r\n\r\n');
    await answers(client, 1);
    expect(taken).toEqual(['0123456789', 'abcdefg']);
  });

  test('is had whole where it comes in parts', async () => {
    const client = await connected();
    client.write(head('Content-Length: 6'));
    for (const part of ['ab', 'cd', 'ef']) {
      expect(taken).toEqual([]);
      client.write(part);
      await turn();
    }
    await answers(client, 1);
    expect(taken).toEqual(['abcdef']);
  });

  test('is empty where there is none', async () => {
    const client = await connected();
    client.write(head('Content-Length: 0') + head('X-None: 0'));
    await answers(client, 2);
    expect(taken).toEqual(['', '']);
  });

  test('beyond the limit is read to its end and forgotten, so that an answer arrives and the connection goes on', async () => {
    const client = await connected();
    client.write(`${head('Content-Length: 200000')}${'x'.repeat(200_000)}${head('Content-Length: 3')}abc`);
    await answers(client, 2);
    expect(taken).toEqual([null, 'abc']);
  });

  test('is had for each of many requests of one connection, also at once', async () => {
    const client = await connected();
    const bodies = Array.from({ length: 50 }, (_, index) => `body ${index}`);
    client.write(bodies.map((body) => `${head(`Content-Length: ${body.length}`)}${body}`).join(''));
    await answers(client, bodies.length);
    expect(taken).toEqual(bodies);
  });

  test('that is cut off is nobody’s: its client has gone', async () => {
    const client = await connected();
    client.write(`${head('Content-Length: 6')}abc`);
    await turn();
    client.destroy();
    expect((await server.ask('/api', { method: 'POST', body: 'next' })).status).toBe(200);
    expect(taken).toEqual(['next']);
  });
});

function head(line: string): string {
  return `POST /api HTTP/1.1\r\nHost: edge\r\n${line}\r\n\r\n`;
}

async function connected(): Promise<Socket> {
  const client = connect(server.port, '127.0.0.1');
  await once(client, 'connect');
  return client;
}

/** Reads so many answers. */
async function answers(client: Socket, count: number): Promise<void> {
  let text = '';
  client.setEncoding('latin1');
  for await (const part of client) {
    text += String(part);
    if (text.split('HTTP/1.1 200 OK').length > count && text.endsWith('ok')) break;
  }
}
