import { createHash, createHmac } from 'node:crypto';

/**
 * What an edge proves itself with to another edge: made of the session key that all edges share, and of the pod that is
 * asked, so that a pod which got an old owner's address learns nothing that opens any other edge.
 */
export function replicationToken(sessionKey: Uint8Array, podUid: string): string {
  return createHmac('sha256', sessionKey).update(`sluice-replication-v1\n${podUid}`).digest('hex');
}

/** Lower-case hex SHA-256 of the token that opens this pod. */
export function replicationTokenSha256(sessionKey: Uint8Array, podUid: string): string {
  return createHash('sha256').update(replicationToken(sessionKey, podUid)).digest('hex');
}
