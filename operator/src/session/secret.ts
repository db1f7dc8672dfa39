import { SluiceError } from '@sluice/common/errors/error.ts';
import type { StreamSession } from '@sluice/crds';
import { SECRET, STREAM_SESSION } from '../kinds.ts';
import { hasReason } from '../runtime/client/api-error.ts';
import type { Client } from '../runtime/client/client.ts';
import { buildSecret } from './build/secret.ts';

/**
 * Makes the Secret of a session's pods. POST, never apply: a Secret of this name may be somebody's own, and must neither
 * be changed nor be deleted together with the session.
 * @throws SluiceError SECRET_NAME_TAKEN; SECRET_LEAVING (retryable) while the garbage collector still has to remove that
 * of an earlier session of this name: its Channel was made anew
 */
export async function makeSecret(
  session: StreamSession,
  token: string,
  client: Pick<Client, 'create' | 'get'>,
): Promise<void> {
  const { name, namespace = 'default', uid = '' } = session.metadata;
  try {
    await client.create(SECRET, buildSecret(session, token));
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    const other = await client.get(SECRET, { namespace, name });
    const owners = other?.metadata.ownerReferences ?? [];
    if (owners.some((owner) => owner.uid === uid)) return;
    const isLeaving =
      other === null || owners.some((owner) => owner.kind === STREAM_SESSION.kind && owner.name === name);
    throw isLeaving ? leaving(name) : taken(name);
  }
}

function leaving(name: string): SluiceError {
  return new SluiceError(`Secret ${name} of an earlier StreamSession of this name is still there`, {
    code: 'SECRET_LEAVING',
    retryable: true,
  });
}

function taken(name: string): SluiceError {
  return new SluiceError(`Secret ${name} is not this session's: rename or delete it`, {
    code: 'SECRET_NAME_TAKEN',
    retryable: false,
  });
}
