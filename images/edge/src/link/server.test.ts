import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { OperatorMessage } from '@sluice/common/link/messages.ts';
import { makeOperatorKeys } from '@sluice/operator/keys/link-keys.ts';
import { audienceOf, routeOf } from '../testing/channels.ts';
import { makeTestKeys, silentLog, type TestKeys, TestOperator } from '../testing/operator.ts';
import { CLOSE_CODES } from './peer.ts';
import { LinkServer } from './server.ts';
import { StoredTerm } from './stored-term.ts';

let keys: TestKeys;
let directory: string;
let server: LinkServer;
let port: number;
let heard: string[];
let messages: OperatorMessage[];
const operators: TestOperator[] = [];

beforeAll(async () => {
  keys = await makeTestKeys();
});

async function listen(handshakeMs?: number): Promise<void> {
  // What an earlier server says late must not get among the words of this one.
  const words: string[] = [];
  const obeyed: OperatorMessage[] = [];
  heard = words;
  messages = obeyed;
  server = new LinkServer({
    certificate: keys.edge.certificate,
    privateKey: keys.edge.privateKey,
    operatorKey: keys.edge.operatorKey,
    podName: 'edge-0',
    podUid: 'pod-uid',
    term: new StoredTerm(directory),
    log: silentLog,
    ...(handshakeMs === undefined ? {} : { handshakeMs }),
    events: {
      connected: (peer, term) => {
        words.push(`connected ${term}`);
        peer.send({ type: 'synced' });
      },
      message: (message) => obeyed.push(message),
      disconnected: () => words.push('disconnected'),
    },
  });
  port = await server.listen(0, '127.0.0.1');
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  await listen();
});

afterEach(async () => {
  for (const { socket } of operators.splice(0)) socket.terminate();
  await server.close();
  rmSync(directory, { recursive: true });
});

function dial(): TestOperator {
  const operator = new TestOperator(port, keys);
  operators.push(operator);
  return operator;
}

async function dialAndProve(term: number): Promise<TestOperator> {
  const operator = dial();
  await operator.prove(term);
  await operator.waitFor('synced');
  return operator;
}

describe('LinkServer', () => {
  test('obeys an operator that signs the challenge, also what it sends right behind the signature', async () => {
    const operator = dial();
    // As large as a frame of thousands of channels, and quicker to compare.
    const source = { uri: 'http://source.test/index.m3u8', headers: { Cookie: 'c'.repeat(8_000) }, facts: null };
    const routes = Array.from({ length: 125 }, (_, index) =>
      routeOf({ name: `c${index}`, uid: `uid-${index}`, source }),
    );
    await operator.prove(1, { behind: [{ type: 'snapshot', routes, audiences: [audienceOf()] }] });
    operator.send({ type: 'remove', uid: 'uid-1' });
    await operator.waitFor('synced');
    while (messages.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(messages).toEqual([
      { type: 'snapshot', routes, audiences: [audienceOf()] },
      { type: 'remove', uid: 'uid-1' },
    ]);
    expect(server.connected).toBe(true);
  });

  test.each([
    ['for another pod', { podUid: 'other' }],
    ['by another key', { key: makeOperatorKeys()['operator.key'] }],
  ])('refuses a signature %s', async (_what, change) => {
    const operator = dial();
    await operator.prove(1, change);
    expect(await operator.closed()).toBe(CLOSE_CODES.SIGNATURE_INVALID);
    expect(operator.received.at(-1)).toMatchObject({ type: 'refused', code: 'SIGNATURE_INVALID' });
    expect(heard).toEqual([]);
  });

  test('refuses anything before the hello, and a second hello', async () => {
    const early = dial();
    await early.waitFor('challenge');
    early.send({ type: 'snapshot', routes: [], audiences: [] });
    expect(await early.closed()).toBe(CLOSE_CODES.BAD_FRAME);

    const twice = await dialAndProve(1);
    twice.send({ type: 'hello', term: 1, signature: '' });
    expect(await twice.closed()).toBe(CLOSE_CODES.BAD_FRAME);
    expect(messages).toEqual([]);
  });

  test('ends a connection that sends nonsense, and says what is wrong with it', async () => {
    const operator = await dialAndProve(1);
    operator.socket.send('{"type":"route","route":{}}');
    expect(await operator.closed()).toBe(CLOSE_CODES.BAD_FRAME);
    expect(operator.received.at(-1)).toMatchObject({ type: 'refused', message: expect.stringContaining('route.') });
  });

  test('lets a newer connection replace the older one, whose late messages count no more', async () => {
    const first = await dialAndProve(1);
    const second = await dialAndProve(2);
    expect(await first.closed()).toBe(CLOSE_CODES.REPLACED);
    second.send({ type: 'remove', uid: 'uid-film' });
    while (messages.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(heard).toEqual(['connected 1', 'connected 2']);
  });

  test('refuses a lower term, also after a restart', async () => {
    await dialAndProve(5);
    const late = dial();
    await late.prove(4);
    expect(await late.closed()).toBe(CLOSE_CODES.TERM_SUPERSEDED);
    await server.close();
    await listen();
    const again = dial();
    await again.prove(4);
    expect(await again.closed()).toBe(CLOSE_CODES.TERM_SUPERSEDED);
    await dialAndProve(5);
  });

  test('notices that the operator is gone', async () => {
    const operator = await dialAndProve(1);
    operator.socket.terminate();
    while (!heard.includes('disconnected')) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.connected).toBe(false);
  });

  test('cuts strangers who say nothing, and pushes out the oldest when there are many', async () => {
    await server.close();
    await listen(150);
    const silent = dial();
    await silent.waitFor('challenge');
    expect(await silent.closed()).toBe(1006);

    await server.close();
    await listen();
    const first = dial();
    await first.waitFor('challenge');
    for (let index = 0; index < 32; index += 1) dial();
    expect(await first.closed()).toBe(1006);
    await dialAndProve(1);
  });

  test('cuts a stranger who sends much instead of a hello', async () => {
    const operator = dial();
    await operator.waitFor('challenge');
    operator.socket.send('x'.repeat(200_000));
    expect(await operator.closed()).not.toBe(1000);
    expect(heard).toEqual([]);
  });

  test('speaks HTTP nowhere but at its path', async () => {
    for (const request of [
      'GET / HTTP/1.1\r\nHost: e\r\n\r\n',
      'GET /other HTTP/1.1\r\nHost: e\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ]) {
      const socket = connect({ port, host: '127.0.0.1', ca: keys.edge.certificate, servername: 'sluice-edge' });
      socket.write(request);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(String(answer)).toMatch(/^HTTP\/1\.1 404 /);
      socket.destroy();
    }
  });
});
