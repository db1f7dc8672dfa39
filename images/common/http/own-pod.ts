import type { Socket } from 'node:net';

/** Whether a peer is in this very pod: on loopback, or at the address that it has reached. */
export function isOwnPod({
  remoteAddress: peer = '',
  localAddress,
}: Pick<Socket, 'remoteAddress' | 'localAddress'>): boolean {
  return peer === '::1' || peer.replace('::ffff:', '').startsWith('127.') || (peer !== '' && peer === localAddress);
}
