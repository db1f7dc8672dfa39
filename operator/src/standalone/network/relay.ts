import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';

/** Where connections go on to. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * Who comes before the first pod behind an address is ready waits this long for it, as long as an edge waits for a
 * playlist: in a run that starts everything at once that is no fault of the source.
 */
const FIRST_TARGET_MS = 8000;
const LOOK_MS = 100;
const OPTIONS = { allowHalfOpen: true, noDelay: true };

/**
 * Opens an address that deals TCP connections out to the targets of the moment in turn, as kube-proxy does.
 * @returns ends it and all its connections
 * @throws SluiceError PORT_IN_USE
 */
export async function openRelay(
  address: string,
  port: number,
  targets: () => readonly Target[],
): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  let turn = 0;
  const server = createServer(OPTIONS, async (client) => {
    track(client);
    const isEarly = () => turn === 0 && targets().length === 0 && !client.destroyed;
    for (let waitedMs = 0; isEarly() && waitedMs < FIRST_TARGET_MS; waitedMs += LOOK_MS) await sleep(LOOK_MS);
    turn += 1;
    const ready = targets();
    const target = ready[turn % ready.length];
    // Nobody is ready: a connection that ends at once is tried again by whoever asks.
    if (target === undefined || client.destroyed) return void client.destroy();
    const pod = connect({ ...target, ...OPTIONS });
    track(pod);
    await pipeline(client, pod, client).catch(() => {}); // the end is what counts, not how it came
  });
  try {
    await once(server.listen(port, address), 'listening');
  } catch (cause) {
    const message = `${address}:${port} cannot be opened (${messageOf(cause)})`;
    throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false, cause });
  }
  return async () => {
    const closed = once(server.close(), 'close');
    for (const socket of sockets) socket.destroy();
    await closed;
  };
}
