import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { readOperatorKey } from './handshake.ts';

/** Below 128 bits a session id's signature could be guessed. */
const MIN_SESSION_KEY_BYTES = 16;

/** The content of the link Secret as the edge mounts it. */
export interface LinkKeys {
  /** PEM, shown to the operator, who trusts exactly it. */
  readonly certificate: string;
  /** PEM. */
  readonly privateKey: string;
  /** Ed25519; what the operator's hello is checked with. */
  readonly operatorKey: KeyObject;
  /** Secret of minted session ids, the same on all edges. */
  readonly sessionKey: Uint8Array;
}

/**
 * Reads `tls.crt`, `tls.key`, `operator.pub` and `session.key`.
 * @throws SluiceError `LINK_KEY_INVALID` that names the file
 */
export async function readLinkKeys(directory: string): Promise<LinkKeys> {
  const [certificate, privateKey, operatorPem, sessionText] = await Promise.all(
    ['tls.crt', 'tls.key', 'operator.pub', 'session.key'].map((name) => readKeyFile(join(directory, name))),
  );
  const sessionKey = Buffer.from(sessionText ?? '', 'base64');
  if (sessionKey.length < MIN_SESSION_KEY_BYTES) {
    throw invalid(`${join(directory, 'session.key')} must be at least ${MIN_SESSION_KEY_BYTES} bytes in base64`);
  }
  return {
    certificate: certificate ?? '',
    privateKey: privateKey ?? '',
    operatorKey: readOperatorKey(operatorPem ?? ''),
    sessionKey,
  };
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw invalid(`${path} cannot be read: ${messageOf(thrown)}`, thrown);
  }
}

function invalid(message: string, cause?: unknown): SluiceError {
  return new SluiceError(message, { code: 'LINK_KEY_INVALID', retryable: false, cause });
}
