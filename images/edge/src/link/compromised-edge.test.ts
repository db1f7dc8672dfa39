import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { challengeText, type OperatorMessage } from '@sluice/common/link/messages.ts';
import { EdgeLink } from '@sluice/operator/link/edge-link.ts';
import { WebSocketServer } from 'ws';
import { makeTestKeys, silentLog, type TestKeys, TestOperator } from '../testing/operator.ts';
import { CLOSE_CODES } from './peer.ts';
import { LinkServer } from './server.ts';
import { StoredTerm } from './stored-term.ts';

const VICTIM = 'pod-of-the-victim';
const INTRUDER = 'pod-of-the-intruder';
const TERM = 7;

let keys: TestKeys;
let directory: string;
let victim: LinkServer;
let port: number;
let obeyed: OperatorMessage[];
let stranger: TestOperator;

/**
 * An intruder has all that an edge pod has: the link's certificate and its key, the operator's public key, the key of
 * sessions, and whatever the operator says to it. It wants another edge to obey it.
 */
beforeEach(async () => {
  keys = await makeTestKeys();
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  obeyed = [];
  victim = new LinkServer({
    ...{ certificate: keys.edge.certificate, privateKey: keys.edge.privateKey, operatorKey: keys.edge.operatorKey },
    ...{ podName: VICTIM, podUid: VICTIM, term: new StoredTerm(directory), log: silentLog },
    events: {
      connected: () => obeyed.push({ type: 'remove', uid: 'connected' }),
      message: (message) => obeyed.push(message),
      disconnected: () => {},
    },
  });
  port = await victim.listen(0, '127.0.0.1');
  stranger = new TestOperator(port, keys);
});

afterEach(async () => {
  stranger.socket.terminate();
  await victim.close();
  rmSync(directory, { recursive: true });
});

/** Says hello to the victim with a signature. @returns why the victim hangs up */
async function hello(signature: string): Promise<number> {
  stranger.send({ type: 'hello', term: TERM, signature });
  stranger.send({ type: 'remove', uid: 'every-channel' });
  return stranger.closed();
}

/** What the operator signs where an edge, dialled as the intruder, says that it is `podUid` and has this nonce; null for nothing. */
async function signatureFor(podUid: string, nonce: string): Promise<string | null> {
  const server = createServer({ cert: keys.edge.certificate, key: keys.edge.privateKey });
  const sockets = new WebSocketServer({ server });
  const signed = new Promise<string | null>((resolve) => {
    sockets.on('connection', (socket) => {
      socket.on('message', (data) => resolve(JSON.parse(String(data)).signature));
      socket.on('close', () => resolve(null));
      socket.send(JSON.stringify({ type: 'challenge', nonce, podName: podUid, podUid }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const linkAddress = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const operator = new EdgeLink({
    edge: { podName: INTRUDER, podUid: INTRUDER, internalAddress: '', linkAddress, ready: true, terminating: false },
    identity: { edgeCertificate: keys.edge.certificate, operatorKey: keys.operatorKey },
    term: TERM,
    snapshot: () => [],
    events: { connected: () => {}, message: () => {}, lost: () => {} },
    log: silentLog,
    random: () => 0,
  });
  try {
    return await signed;
  } finally {
    operator.close();
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  }
}

describe('an edge that somebody has broken into cannot speak for the operator', () => {
  afterEach(() => {
    expect(obeyed).toEqual([]);
  });

  test('with a key of its own, or the private key of the link', async () => {
    const { nonce } = await stranger.waitFor('challenge');
    const { privateKey } = generateKeyPairSync('ed25519');
    const signature = sign(null, Buffer.from(challengeText(nonce, VICTIM, TERM)), privateKey).toString('base64');
    expect(await hello(signature)).toBe(CLOSE_CODES.SIGNATURE_INVALID);
    const withLinkKey = new TestOperator(port, { ...keys, operatorKey: keys.edge.privateKey });
    await withLinkKey.prove(TERM);
    expect(await withLinkKey.closed()).toBe(CLOSE_CODES.SIGNATURE_INVALID);
  });

  test('with what the operator has signed for the intruder itself', async () => {
    const signature = await signatureFor(INTRUDER, 'a nonce of its own');
    expect(signature).not.toBeNull();
    await stranger.waitFor('challenge');
    expect(await hello(signature ?? '')).toBe(CLOSE_CODES.SIGNATURE_INVALID);
  });

  test("with the victim's challenge, handed on to the operator as its own", async () => {
    const { nonce } = await stranger.waitFor('challenge');
    const signature = await signatureFor(INTRUDER, nonce);
    expect(signature).not.toBeNull();
    expect(await hello(signature ?? '')).toBe(CLOSE_CODES.SIGNATURE_INVALID);
  });

  test("in the victim's name: the operator signs nothing for a pod that it has not dialled", async () => {
    const { nonce } = await stranger.waitFor('challenge');
    expect(await signatureFor(VICTIM, nonce)).toBeNull();
  });

  test('with a term that is over, signed by an operator of that time', async () => {
    const current = new TestOperator(port, keys);
    await current.prove(TERM);
    await until(() => obeyed.length > 0);
    obeyed.length = 0;
    await stranger.prove(TERM - 1, { behind: [{ type: 'remove', uid: 'every-channel' }] });
    expect(await stranger.closed()).toBe(CLOSE_CODES.TERM_SUPERSEDED);
    current.socket.terminate();
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
