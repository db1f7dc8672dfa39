/**
 * The least that an HTTP server of Node's can do, for benches to compare with:
 *   node bare-server.ts SOCKET
 * Answers every request with the text that comes on its standard input, at the socket and at a port of loopback, whose
 * URL it prints when it listens.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readAll } from 'node:stream/consumers';

const body = await readAll(process.stdin);
const length = Buffer.byteLength(body);

function serve(): Server {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': length }).end(body);
  });
  server.keepAliveTimeout = 75_000;
  return server;
}

const [atSocket, atPort] = [serve().listen(process.argv[2]), serve().listen(0, '127.0.0.1')];
await Promise.all([once(atSocket, 'listening'), once(atPort, 'listening')]);
process.stdout.write(`http://127.0.0.1:${(atPort.address() as AddressInfo).port}\n`);
