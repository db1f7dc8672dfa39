// tsyringe, on which @peculiar/x509 builds, needs this polyfill to be loaded first.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** Name in the edges' certificate; the operator asks for it whatever address it dials. */
export const EDGE_SERVER_NAME = 'sluice-edge';

/**
 * The certificate is trusted by its bytes, not by an authority, and is replaced by deleting its Secret; an expiry would
 * only stop the link one day. RFC 5280 4.1.2.5 asks for this date where there is no good expiry.
 */
const NO_EXPIRY = new Date('9999-12-31T23:59:59Z');

/** Contents of the Secret that the edges mount: their certificate and key, and what they verify the operator with. */
export interface EdgeLinkKeys {
  /** Self-signed certificate, PEM. */
  readonly 'tls.crt': string;
  /** Its private key, PKCS #8 PEM. */
  readonly 'tls.key': string;
  /** The operator's Ed25519 public key, SPKI PEM. */
  readonly 'operator.pub': string;
  /** 32 random bytes in base64: signs the session ids that the edges mint. */
  readonly 'session.key': string;
}

/** Contents of the Secret that only the operator reads. */
export interface OperatorLinkKeys {
  /** Ed25519 private key, PKCS #8 PEM. */
  readonly 'operator.key': string;
}

/** What the operator needs to dial edges. */
export interface LinkIdentity {
  /** PEM of the one certificate that an edge may show. */
  readonly edgeCertificate: string;
  /** Ed25519 private key, PKCS #8 PEM. */
  readonly operatorKey: string;
}

/** A new key for the operator. */
export function makeOperatorKeys(): OperatorLinkKeys {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { 'operator.key': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** New keys for the edges that trust the operator who holds `operatorKey` (PKCS #8 PEM). */
export async function makeEdgeKeys(operatorKey: string, now: number): Promise<EdgeLinkKeys> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomBytes(16).toString('hex'),
      name: `CN=${EDGE_SERVER_NAME}`,
      notBefore: new Date(now - 3_600_000), // nodes' clocks may differ
      notAfter: NO_EXPIRY,
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: EDGE_SERVER_NAME }]),
      ],
    },
    webcrypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return {
    'tls.crt': certificate.toString('pem'),
    'tls.key': key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'operator.pub': publicKeyOf(operatorKey),
    'session.key': randomBytes(32).toString('base64'),
  };
}

/** The SPKI PEM that belongs to a PKCS #8 PEM. */
export function publicKeyOf(operatorKey: string): string {
  return createPublicKey(createPrivateKey(operatorKey)).export({ type: 'spki', format: 'pem' }).toString();
}

/**
 * Takes the identity out of the two Secrets' data (decoded).
 * @throws SluiceError LINK_KEYS_INVALID if a key is missing, unreadable, or the two Secrets do not belong together
 */
export function identityOf(
  edge: Readonly<Record<string, string>>,
  operator: Readonly<Record<string, string>>,
): LinkIdentity {
  const edgeCertificate = edge['tls.crt'];
  const operatorKey = operator['operator.key'];
  if (edgeCertificate === undefined || operatorKey === undefined || edge['operator.pub'] === undefined) {
    throw invalid('tls.crt, operator.pub or operator.key is missing');
  }
  let expected: string;
  try {
    expected = publicKeyOf(operatorKey);
    new x509.X509Certificate(edgeCertificate);
  } catch (error) {
    throw invalid('tls.crt or operator.key cannot be read', error);
  }
  if (expected.trim() !== edge['operator.pub'].trim()) throw invalid('operator.pub does not belong to operator.key');
  return { edgeCertificate, operatorKey };
}

function invalid(fault: string, cause?: unknown): SluiceError {
  return new SluiceError(`The Secrets of the link are broken: ${fault}. Delete both; new ones are made at start.`, {
    code: 'LINK_KEYS_INVALID',
    retryable: false,
    cause,
  });
}
