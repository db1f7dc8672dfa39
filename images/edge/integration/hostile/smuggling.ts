import assert from 'node:assert/strict';
import type { EdgePrograms } from '../programs.ts';
import { ask } from '../stage.ts';
import { exchange, statusOf } from './raw.ts';

/** A request that nobody has sent, if all agree on where the one around it ends. */
const SMUGGLED = 'GET /live/default/smuggled/index.m3u8 HTTP/1.1\r\nHost: edge\r\n\r\n';
const HIDDEN = `0\r\n\r\n${SMUGGLED}`;
const HEARTBEAT = 'POST /api/stream/heartbeat HTTP/1.1\r\nHost: edge\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

const length = (body: string): string => `Content-Length: ${body.length}\r\n`;
const post = (headers: string, body = HIDDEN): string => `${HEARTBEAT}${headers}\r\n${body}`;

/** Requests that two servers may read differently (RFC 9112 6.3, 11.2), and how nginx may answer. */
const AMBIGUOUS: readonly (readonly [name: string, bytes: string, status: readonly number[]])[] = [
  ['a length and chunks', post(length(HIDDEN) + CHUNKED), [400]],
  ['chunks and a length', post(CHUNKED + length('')), [400]],
  ['two lengths', post(`${length(HIDDEN)}Content-Length: 5\r\n`), [400]],
  ['the same length twice', post(length(HIDDEN) + length(HIDDEN)), [400]],
  ['a list of lengths', post(`Content-Length: ${HIDDEN.length}, ${HIDDEN.length}\r\n`), [400]],
  ['a negative length', post('Content-Length: -1\r\n'), [400]],
  ['a length with a sign', post(`Content-Length: +${HIDDEN.length}\r\n`), [400]],
  ['a hexadecimal length', post('Content-Length: 0x4\r\n'), [400]],
  ['a length beyond all numbers', post('Content-Length: 99999999999999999999\r\n'), [400, 413]],
  ['a folded header', post(`${length(HIDDEN)}Transfer-Encoding:\r\n chunked\r\n`), [400, 501]],
  ['a folded value', post(`${length(HIDDEN)}X-A: b\r\n Transfer-Encoding: chunked\r\n`), [400]],
  ['chunks twice', post(CHUNKED + CHUNKED), [400, 501]],
  ['chunks of chunks', post('Transfer-Encoding: chunked, chunked\r\n'), [400, 501]],
  ['chunks and identity', post('Transfer-Encoding: chunked, identity\r\n'), [400, 501]],
  ['an unknown coding', post(`${length(HIDDEN)}Transfer-Encoding: xchunked\r\n`), [400, 501]],
  ['a tab in front of the coding', post(`${length(HIDDEN)}Transfer-Encoding: \x0bchunked\r\n`), [400, 501]],
  ['a blank behind the name', post(`${length(HIDDEN)}Transfer-Encoding : chunked\r\n`), [400]],
  ['a NUL in the name', post(`${length(HIDDEN)}Transfer-Encod\0ing: chunked\r\n`), [400]],
  ['an underscore for a hyphen', post(`${length(HIDDEN)}Transfer_Encoding: chunked\r\n`), [400]],
  ['chunks in HTTP/1.0', post(CHUNKED).replace('HTTP/1.1', 'HTTP/1.0'), [400]],
  ['a chunk beyond all numbers', post(CHUNKED, `FFFFFFFFFFFFFFFF0\r\n${SMUGGLED}`), [400, 413]],
  ['a chunk that is no number', post(CHUNKED, `zz\r\n${SMUGGLED}`), [400]],
  ['a chunk that says less than it has', post(CHUNKED, `1\r\n${SMUGGLED}0\r\n\r\n`), [400]],
  [
    'a body behind GET',
    post(length(HIDDEN)).replace('POST /api/stream/heartbeat', 'GET /live/default/none/a.m3u8'),
    [404],
  ],
  ['a body that waits to be wanted', post(`${length(HIDDEN)}Expect: 100-continue\r\n`), [100, 400]],
  ['an upgrade', post(`${length(HIDDEN)}Connection: upgrade\r\nUpgrade: websocket\r\n`), [400]],
  ['an upgrade to HTTP/2', post(`${length(HIDDEN)}Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n`), [400]],
  ['headers that end with the hop', post(`${length(HIDDEN)}Connection: content-length\r\n`), [400]],
  ['two hosts', 'GET /live/default/film/source.m3u8 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', [400]],
  ['no host', 'GET /live/default/film/source.m3u8 HTTP/1.1\r\n\r\n', [400]],
  ['the beginning of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 405, 505]],
  ['a tunnel', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: edge\r\n\r\n', [400, 405]],
  ['an echo', 'TRACE /api/streams HTTP/1.1\r\nHost: edge\r\nX-Secret: s\r\n\r\n', [404, 405]],
  ['a line without an end', `GET /${'a'.repeat(100_000)}`, [400, 414]],
  ['giant headers', `GET / HTTP/1.1\r\nHost: edge\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`, [400, 431]],
  ['many headers', `GET / HTTP/1.1\r\nHost: edge\r\n${'X-A: bbbbbbbbbbbbbbbb\r\n'.repeat(20_000)}\r\n`, [400, 431]],
];

/** Others' requests between them must get their own answers: what one connection left behind would be the next one's. */
async function canaries(edge: EdgePrograms, name: string): Promise<void> {
  const asked = Array.from({ length: 12 }, async (_, index) => {
    const key = `canary-${name.replaceAll(/[^a-z]/g, '')}-${index}`;
    const { status, text } = await ask(edge.url, `/live/default/${key}/index.m3u8`);
    assert.equal(status, 404, `${name}: ${text}`);
    assert.ok(text.includes(key), `${name}: the answer of somebody else: ${text}`);
  });
  await Promise.all(asked);
}

/** Sends every ambiguous request: each has one end, or is refused. @returns how many */
export async function smuggle(edge: EdgePrograms): Promise<number> {
  const sent = AMBIGUOUS.map(async ([name, bytes, statuses]) => {
    const text = await exchange(edge, bytes);
    assert.ok(statuses.includes(statusOf(text)), `${name}: ${text.slice(0, 300)}`);
    assert.ok(!text.includes('default/smuggled'), `${name}: a smuggled request was answered: ${text}`);
    assert.ok(!text.includes('X-Secret'), `${name}: ${text}`);
    await canaries(edge, name);
  });
  await Promise.all(sent);
  return AMBIGUOUS.length;
}
