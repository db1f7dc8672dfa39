import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type EdgePrograms, type LinkFolder, until } from '../programs.ts';
import { dial, exchange, statusOf } from './raw.ts';

const UPGRADE =
  'GET /link HTTP/1.1\r\nHost: sluice-edge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A masked frame (RFC 6455 5.2), its mask all zeros so that the payload is what it is. */
function frame(opcode: number, payload: Buffer, first = 0x80 | opcode): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(payload.length));
  return Buffer.concat([Buffer.from([first, 0xff]), length, Buffer.alloc(4), payload]);
}

const text = (value: string): Buffer => frame(1, Buffer.from(value));
const hello = (signature: string, term = 1): Buffer => text(JSON.stringify({ type: 'hello', term, signature }));

/** What strangers send behind the upgrade. */
const GARBAGE: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['noise', Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7919) % 256))],
  ['no JSON', text('{"type":"hello"')],
  ['no object', text('null')],
  ['nesting', text(`${'['.repeat(2_000)}${']'.repeat(2_000)}`)],
  ['a binary frame', frame(2, Buffer.from('{"type":"synced"}'))],
  ['a frame without a mask', Buffer.from([0x81, 0x02, 0x7b, 0x7d])],
  ['a frame of 2^63 bytes', Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ['a frame larger than any', Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0])],
  ['a reserved opcode', frame(3, Buffer.from('x'))],
  ['reserved bits', frame(1, Buffer.from('x'), 0xf1)],
  ['the middle of a message', frame(0, Buffer.from('x'), 0x80)],
  ['bytes that are no UTF-8', frame(1, Buffer.from([0xc3, 0x28]))],
  ['a ping that is too long', frame(9, Buffer.alloc(200))],
  [
    'pieces without an end',
    Buffer.concat([frame(1, Buffer.from('x'), 0x01), ...Array(500).fill(frame(0, Buffer.alloc(10), 0x00))]),
  ],
  ['much', text(JSON.stringify({ type: 'hello', term: 1, signature: 'x'.repeat(100_000) }))],
  ['routes before a hello', text(JSON.stringify({ type: 'snapshot', routes: [], audiences: [] }))],
  ['a signature of nobody', hello(Buffer.alloc(64).toString('base64'))],
  ['an empty signature', hello('')],
  ['a term beyond all numbers', hello('', Number.MAX_VALUE)],
];

async function dialLink(edge: EdgePrograms, link: LinkFolder): Promise<TLSSocket> {
  const socket = connectTls({
    host: edge.address,
    port: edge.ports.link,
    ca: link.keys.edge.certificate,
    servername: 'sluice-edge',
  });
  socket.on('error', () => {});
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]);
  return socket;
}

/** Whoever has no key is hung up on, at the link and at the port of edges and agents. @returns how many were */
export async function strangers(edge: EdgePrograms, link: LinkFolder): Promise<number> {
  const guests = GARBAGE.map(async ([name, bytes]) => {
    const socket = await dialLink(edge, link);
    socket.resume();
    socket.write(UPGRADE);
    socket.write(bytes);
    await until(`who sends ${name} is hung up on`, 60, () => socket.closed);
  });
  const unencrypted = [dial(edge, edge.ports.link), dial(edge, edge.ports.link)].map(async (dialled, index) => {
    const socket = await dialled;
    socket.resume();
    if (index === 0) socket.write(Buffer.alloc(100_000, 0x16));
    await until('who does not speak TLS is hung up on', 60, () => socket.closed);
  });
  const inside = [
    'GET /internal/v1/timelines HTTP/1.1\r\nHost: e\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer x\r\n\r\n',
    `PUT /internal/v1/sessions/default/film-1/segments/1/360p/1 HTTP/1.1\r\nHost: e\r\nSluice-Attempt: 1\r\nContent-Length: 50000000\r\n\r\n`,
    'POST /internal/v1/owners/uid HTTP/1.1\r\nHost: e\r\nContent-Length: 2\r\n\r\n{}',
    'GET /internal/v1/media/uid/s/a.1/source/1.0.ts HTTP/1.1\r\nHost: e\r\n\r\n',
  ].map(async (bytes) => {
    const answer = await exchange(edge, bytes, edge.ports.internal);
    assert.equal(statusOf(answer), 401, answer);
  });
  await Promise.all([...guests, ...unencrypted, ...inside]);
  return GARBAGE.length + unencrypted.length + inside.length;
}
