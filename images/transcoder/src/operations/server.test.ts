import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { serveOperations } from './server.ts';

test('the operations server answers probes, metrics and the drain of its own pod', async () => {
  let ready = false;
  const server = await serveOperations(0, '127.0.0.1', {
    isReady: () => ready,
    metrics: async () => 'sluice_transcoder_segments_total 1\n',
    drain: async () => true,
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = async (path: string, method = 'GET'): Promise<readonly [number, string]> => {
    const answer = await fetch(base + path, { method, headers: { connection: 'close' } });
    return [answer.status, await answer.text()];
  };
  expect(await get('/livez')).toEqual([200, 'ok\n']);
  expect(await get('/readyz')).toEqual([503, 'no encoder has been chosen yet\n']);
  ready = true;
  expect(await get('/readyz')).toEqual([200, 'ok\n']);
  expect(await get('/metrics')).toEqual([200, 'sluice_transcoder_segments_total 1\n']);
  expect(await get('/drain')).toEqual([405, 'use POST\n']);
  expect(await get('/drain', 'POST')).toEqual([200, 'drained\n']);
  expect((await get('/else'))[0]).toBe(404);
  server.close();
});
