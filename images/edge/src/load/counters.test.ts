import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { readCounters, requestsIn, sentBytesIn } from './counters.ts';

const NETWORK = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9000000    4010    0    0    0     0          0         0  9000000    4010    0    0    0     0       0          0
  eth0:  123456     500    0    0    0     0          0         0  7654321     600    0    0    0     0       0          0
  net1:      10       1    0    0    0     0          0         0       21       1    0    0    0     0       0          0
`;
const STATUS = `Active connections: 291
server accepts handled requests
 16630948 16630948 31070465
Reading: 6 Writing: 179 Waiting: 106
`;

describe('the counters of an edge', () => {
  test('are the bytes that the pod has sent, without what it says to itself', () => {
    expect(sentBytesIn(NETWORK)).toBe(7_654_342);
  });

  test.each(['', 'garbage', NETWORK.replaceAll(/^.*(eth0|net1).*$/gm, '')])('are not known from %j', (text) => {
    expect(sentBytesIn(text)).toBeNull();
  });

  test('are the requests that nginx has counted', () => {
    expect(requestsIn(STATUS)).toBe(31_070_465);
    expect(requestsIn('<html>404</html>')).toBeNull();
  });

  test('are asked for at nginx, and not known where it does not answer', async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/status' ? 200 : 404;
      response.end(STATUS);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const read = async (path: string) => (await readCounters({ address: '0.0.0.0', port, path })).requests;
    expect([await read('/status'), await read('/other')]).toEqual([31_070_465, null]);
    server.close();
    await once(server, 'close');
    expect(await read('/status')).toBeNull();
  });
});
