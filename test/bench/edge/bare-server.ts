/**
 * The least that an HTTP server of Node's can do, for benches to compare with:
 *   node bare-server.ts SOCKET
 * Answers every request with the text that comes on its standard input. Prints a line when it listens.
 */
import { createServer } from 'node:http';
import { text as readAll } from 'node:stream/consumers';

const body = await readAll(process.stdin);
const length = Buffer.byteLength(body);
const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': length }).end(body);
});
server.keepAliveTimeout = 75_000;
server.listen(process.argv[2], () => process.stdout.write('listening\n'));
