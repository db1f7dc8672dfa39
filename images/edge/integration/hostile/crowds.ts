import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Pool } from 'undici';
import { type EdgePrograms, until } from '../programs.ts';
import { FILM } from '../stage.ts';
import { dial } from './raw.ts';

const READERS = 150;
/** Requests of each of them: about half a megabyte of playlists that nobody takes. */
const UNREAD = 200;
const SLOW_HEADS = 150;
const SESSIONS = 10_000;
/** nginx waits 10 s for a head (client_header_timeout). */
const HEAD_SECONDS = 60;

/** Viewers who ask and never read. @returns their connections */
export async function neverReading(edge: EdgePrograms): Promise<Socket[]> {
  const line = `GET ${FILM}/source.m3u8?session=unread HTTP/1.1\r\nHost: edge\r\n\r\n`;
  const events = 'GET /api/stream/default/film/events HTTP/1.1\r\nHost: edge\r\n\r\n';
  const sockets = await Promise.all(Array.from({ length: READERS }, () => dial(edge)));
  for (const [index, socket] of sockets.entries()) {
    socket.pause();
    socket.write(index % 3 === 0 ? events : line.repeat(UNREAD));
  }
  return sockets;
}

/** Clients who send the head of a request byte by byte are hung up on. @returns how many */
export async function slowHeads(edge: EdgePrograms): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: SLOW_HEADS }, () => dial(edge)));
  const head = `GET ${FILM}/source.m3u8 HTTP/1.1\r\nHost: edge\r\nX-Slow: `;
  let at = 0;
  const timer = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write(head[at] ?? 'x');
    at += 1;
  }, 1_000);
  for (const socket of sockets) socket.resume();
  try {
    await until('slow clients are hung up on', HEAD_SECONDS, () => sockets.every(({ closed }) => closed));
  } finally {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  }
  return sockets.length;
}

/** Sessions that come once and never again: as viewers, as heartbeats, and with ids of the edge's own. */
export async function flood(edge: EdgePrograms): Promise<number> {
  const pool = new Pool(edge.url, { connections: 16, pipelining: 8 });
  const json = { 'content-type': 'application/json' };
  const one = async (index: number): Promise<void> => {
    const sessionId = `flood-${index}`;
    const answer = await (index % 4 === 0
      ? pool.request({ path: `${FILM}/index.m3u8`, method: 'GET' })
      : index % 4 === 1
        ? pool.request({
            path: '/api/stream/heartbeat',
            method: 'POST',
            headers: json,
            body: JSON.stringify({ channelId: 'default/film', sessionId }),
          })
        : pool.request({ path: `${FILM}/source.m3u8?session=${sessionId}`, method: 'GET' }));
    await answer.body.dump();
    assert.equal(answer.statusCode, 200);
  };
  try {
    for (let from = 0; from < SESSIONS; from += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, index) => one(from + index)));
    }
  } finally {
    await pool.destroy();
  }
  return SESSIONS;
}
