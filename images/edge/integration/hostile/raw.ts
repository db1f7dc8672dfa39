import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgePrograms } from '../programs.ts';

/** An edge has answered all that it will when it has been silent for so long, on a machine however busy. */
const SILENCE_MILLISECONDS = 1_500;
/** Longest wait for the end of an exchange. */
const EXCHANGE_SECONDS = 30;

/** A plain TCP connection to an edge's port for viewers, without anything that would tidy up what is sent. */
export async function dial(edge: EdgePrograms, port = edge.ports.http): Promise<Socket> {
  const socket = connect(port, edge.address);
  // Who sends nonsense is cut off at any moment.
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes as they are. @returns everything that came back, until the edge hung up or fell silent */
export async function exchange(edge: EdgePrograms, bytes: string | Buffer, port?: number): Promise<string> {
  const socket = await dial(edge, port);
  let text = '';
  let heardAt = performance.now();
  const from = heardAt;
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
    heardAt = performance.now();
  });
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  while (!socket.closed && performance.now() - from < EXCHANGE_SECONDS * 1000) {
    if (text !== '' && performance.now() - heardAt > SILENCE_MILLISECONDS) break;
    await sleep(50);
  }
  socket.destroy();
  return text;
}

/** Status of the first answer; 0 where there was none. */
export const statusOf = (text: string): number => Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
