import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { challengeText } from '@sluice/common/link/messages.ts';

/** What an operator proves itself with. */
export interface Hello {
  readonly term: number;
  /** Base64 Ed25519 signature over `challengeText(nonce, podUid, term)`. */
  readonly signature: string;
}

/** What the edge asked and knows when a hello arrives. */
export interface Challenge {
  readonly nonce: string;
  readonly podUid: string;
  /** Highest term that this edge ever accepted. */
  readonly highestTerm: number;
  readonly operatorKey: KeyObject;
}

/** @throws SluiceError `LINK_KEY_INVALID` if the text is no Ed25519 public key in PEM */
export function readOperatorKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (thrown) {
    throw keyInvalid(messageOf(thrown), thrown);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw keyInvalid(`its type is ${key.asymmetricKeyType}`);
  return key;
}

function keyInvalid(why: string, cause?: unknown): SluiceError {
  return new SluiceError(`operator.pub must be an Ed25519 public key in PEM: ${why}`, {
    code: 'LINK_KEY_INVALID',
    retryable: false,
    cause,
  });
}

/**
 * Checks an operator's answer. The signature is looked at first, so that a stranger learns nothing about terms.
 * @throws SluiceError `SIGNATURE_INVALID`, or `TERM_SUPERSEDED` if an operator with a higher term was here already
 */
export function checkHello(hello: Hello, challenge: Challenge): void {
  const text = Buffer.from(challengeText(challenge.nonce, challenge.podUid, hello.term));
  if (!verify(null, text, challenge.operatorKey, Buffer.from(hello.signature, 'base64'))) {
    throw new SluiceError('The signature does not match the challenge and the key in operator.pub', {
      code: 'SIGNATURE_INVALID',
      retryable: false,
    });
  }
  if (hello.term < challenge.highestTerm) {
    throw new SluiceError(`Term ${hello.term} is over: an operator with term ${challenge.highestTerm} took over`, {
      code: 'TERM_SUPERSEDED',
      retryable: false,
    });
  }
}
