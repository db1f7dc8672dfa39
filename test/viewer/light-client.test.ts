import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createLightClients } from './light-client.ts';
import { VirtualService } from './virtual-service.ts';

const servers: Server[] = [];
const { signal } = new AbortController();

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (listener: RequestListener): Promise<string> => listen(createServer(listener));

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) (server as ReturnType<typeof createServer>).closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('the light client', () => {
  test('keeps a body or only counts it, over one connection', async () => {
    const bytes = Buffer.alloc(2_000_000, 7);
    const ports = new Set<number | undefined>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end(bytes);
    });
    const client = createLightClients()();
    expect(await client.get(`${url}/a`, signal, true)).toMatchObject({
      status: 200,
      bytes: 2_000_000,
      body: Buffer.of(),
    });
    expect((await client.get(`${url}/b`, signal)).body.equals(bytes)).toBe(true);
    expect(ports.size).toBe(1);
    await client.close();
  });

  test('posts JSON, and reads answers without a body and with Retry-After', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/leave') response.writeHead(204).end();
      else
        request.once('data', (body) => {
          response.statusCode = 429;
          response.setHeader('retry-after', '7').end(body);
        });
    });
    const client = createLightClients()();
    expect(await client.post(`${url}/leave`, {})).toMatchObject({ status: 204, bytes: 0, retryAfterSeconds: null });
    const refused = await client.post(`${url}/beat`, { a: 'äb' });
    expect(refused).toMatchObject({ status: 429, retryAfterSeconds: 7 });
    expect(refused.body.toString()).toBe('{"a":"äb"}');
    await client.close();
  });

  test('asks again where the server has closed a connection that was idle', async () => {
    const url = await serve((request, response) => {
      response.end('ok');
      if (request.url === '/first') request.socket.end();
    });
    const client = createLightClients()();
    await client.get(`${url}/first`, signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect((await client.get(`${url}/second`, signal)).body.toString()).toBe('ok');
    await client.close();
  });

  test.each([
    { name: 'that is no HTTP', bytes: 'SSH-2.0-OpenSSH\r\n\r\n', says: /not an answer with a Content-Length/ },
    { name: 'without a length', bytes: 'HTTP/1.1 200 OK\r\n\r\nabc', says: /not an answer with a Content-Length/ },
    { name: 'with an endless head', bytes: `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(9000)}`, says: /not an answer/ },
    { name: 'that ends too early', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', says: /closed/ },
  ])('refuses an answer $name', async ({ bytes, says }) => {
    const url = await listen(
      createTcpServer((socket) =>
        socket
          .on('error', () => {})
          .resume()
          .end(bytes),
      ),
    );
    const client = createLightClients()();
    await expect(client.get(url, signal)).rejects.toThrow(says);
    await client.close();
  });

  test('ends what is under way when it is closed', async () => {
    const url = await serve(() => {});
    const client = createLightClients()();
    const answer = client.get(url, signal);
    await client.close();
    await expect(answer).rejects.toThrow('the client is closed');
    await expect(client.get(url, signal)).rejects.toThrow('the client is closed');
  });

  test('goes to the next server of a service where nobody listens, and stays there', async () => {
    const url = new URL(await serve((_, response) => response.end('here')));
    const there = { host: url.hostname, port: Number(url.port) };
    const service = new VirtualService('edges');
    service.endpoints = [there, { host: '127.0.0.1', port: 1 }];
    const client = createLightClients(undefined, service)();
    for (const path of ['/a', '/b']) {
      expect((await client.get(`http://edges${path}`, signal)).body.toString()).toBe('here');
    }
    expect(service.connectionsTo(there.host)).toBe(1);
    service.endpoints = [];
    await client.close();
    while (service.connectionsTo(there.host) > 0) await new Promise((resolve) => setImmediate(resolve));
    await expect(createLightClients(undefined, service)().get('http://edges/', signal)).rejects.toThrow('no endpoint');
  });

  test('goes to another server with each request where connections are not kept', async () => {
    const urls = await Promise.all(['one', 'other'].map((name) => serve((_, response) => response.end(name))));
    const service = new VirtualService('edges', { keepsConnections: false });
    service.endpoints = urls.map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }));
    const client = createLightClients(undefined, service)();
    const bodies = [];
    for (let ask = 0; ask < 4; ask += 1) bodies.push((await client.get('http://edges/', signal)).body.toString());
    expect(bodies).toEqual(['other', 'one', 'other', 'one']);
    await client.close();
  });
});
