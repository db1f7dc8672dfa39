import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { identityOf, makeEdgeKeys, makeOperatorKeys } from './link-keys.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('the keys of the link', () => {
  test('hold a certificate for the edges and the key that belongs to it', async () => {
    const keys = await makeEdgeKeys(makeOperatorKeys()['operator.key'], NOW);
    const certificate = new X509Certificate(keys['tls.crt']);
    expect(certificate.checkHost('sluice-edge')).toBe('sluice-edge');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.validTo).toContain('9999');
    expect(Buffer.from(keys['session.key'], 'base64')).toHaveLength(32);
  });

  test('give the operator its identity', async () => {
    const operator = makeOperatorKeys();
    const edge = await makeEdgeKeys(operator['operator.key'], NOW);
    const identity = identityOf({ ...edge }, { ...operator });
    expect(identity).toEqual({ edgeCertificate: edge['tls.crt'], operatorKey: operator['operator.key'] });
  });

  const broken: readonly [string, (edge: Record<string, string>) => Record<string, string>, RegExp][] = [
    ['a certificate is missing', ({ 'tls.crt': _, ...rest }) => rest, /is missing/],
    ['a certificate is not one', (edge) => ({ ...edge, 'tls.crt': 'x' }), /cannot be read/],
    ['the edges trust another operator', (edge) => ({ ...edge, 'operator.pub': 'x' }), /does not belong/],
  ];
  test.each(broken)('are refused with the remedy if %s', async (_name, damage, message) => {
    const operator = makeOperatorKeys();
    const edge = await makeEdgeKeys(operator['operator.key'], NOW);
    expect(() => identityOf(damage({ ...edge }), { ...operator })).toThrow(message);
  });
});
