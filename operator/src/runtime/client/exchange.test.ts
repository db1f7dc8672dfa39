import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { type Answer, type Exchange, exchange } from './exchange.ts';

describe('an exchange with the API server', () => {
  let server: Server;
  let agent: Agent;
  let asked: string[];
  let statuses: number[];
  let answers: Map<string, ServerResponse>;

  beforeEach(async () => {
    [asked, statuses, answers] = [[], [], new Map()];
    server = createServer(({ url = '' }, response) => {
      asked.push(url);
      answers.set(url, response);
      server.emit('asked');
      if (url === '/half') response.writeHead(200).write('{');
      else if (url !== '/later') response.writeHead(409, { 'retry-after': '3' }).end('{"a":"ä"}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    agent = new Agent({ connections: 1 });
  });

  afterEach(async () => {
    await agent.destroy();
    server.closeAllConnections();
    server.close();
  });

  function ask(path: string, more: Partial<Exchange> = {}): Promise<Answer> {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const onStatus = (status: number) => void statuses.push(status);
    const usual = { origin, path, method: 'GET' as const, headers: {}, timeoutMilliseconds: 60_000, onStatus };
    return exchange(agent, { ...usual, ...more });
  }

  test('gives the whole answer, whatever its status', async () => {
    expect(await ask('/')).toEqual({ status: 409, retryAfter: '3', text: '{"a":"ä"}' });
    expect(statuses).toEqual([409]);
  });

  test('ends where no whole answer comes in time', async () => {
    for (const path of ['/later', '/half']) {
      await expect(ask(path, { timeoutMilliseconds: 20 })).rejects.toMatchObject({ name: 'TimeoutError' });
    }
    expect(await ask('/')).toMatchObject({ status: 409 });
  });

  test('gives up the connection where it is called off in the middle of an answer', async () => {
    const closed = once(server, 'asked').then(() => once(answers.get('/half') as ServerResponse, 'close'));
    const calling = new AbortController();
    const onStatus = () => calling.abort(new Error('not wanted any more'));
    await expect(ask('/half', { signal: calling.signal, onStatus })).rejects.toThrow('not wanted any more');
    await closed;
    expect(await ask('/')).toMatchObject({ status: 409 });
  });

  test('is not sent any more where it is called off while it waits for a connection', async () => {
    const first = ask('/later');
    await once(server, 'asked');
    const calling = new AbortController();
    const waiting = ask('/never', { signal: calling.signal });
    calling.abort(new Error('not wanted any more'));
    await expect(waiting).rejects.toThrow('not wanted any more');
    await expect(ask('/never', { signal: calling.signal })).rejects.toThrow('not wanted any more');
    answers.get('/later')?.end('{}');
    expect(await first).toMatchObject({ status: 200, text: '{}' });
    await ask('/');
    expect(asked).toEqual(['/later', '/']);
  });

  test('ends with its dispatcher', async () => {
    const waiting = ask('/later');
    await once(server, 'asked');
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' }), agent.destroy()]);
    await expect(ask('/')).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
  });
});
