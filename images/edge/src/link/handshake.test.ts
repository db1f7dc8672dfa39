import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { challengeText } from '@sluice/common/link/messages.ts';
import { checkHello, readOperatorKey } from './handshake.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const CHALLENGE = { nonce: 'nonce', podUid: 'pod-uid', highestTerm: 5, operatorKey: publicKey };

function hello(term: number, nonce = 'nonce', podUid = 'pod-uid', key = privateKey) {
  return { term, signature: sign(null, Buffer.from(challengeText(nonce, podUid, term)), key).toString('base64') };
}

describe('checkHello', () => {
  test.each([5, 6, 1_800_000_000])('accepts term %d when 5 was the highest', (term) => {
    expect(() => checkHello(hello(term), CHALLENGE)).not.toThrow();
  });

  test('refuses a lower term', () => {
    expect(() => checkHello(hello(4), CHALLENGE)).toThrow(expect.objectContaining({ code: 'TERM_SUPERSEDED' }));
  });

  test.each([
    ['for another nonce', hello(6, 'other')],
    ['for another pod', hello(6, 'nonce', 'other')],
    ['of another term', { ...hello(6), term: 7 }],
    ['by another key', hello(6, 'nonce', 'pod-uid', generateKeyPairSync('ed25519').privateKey)],
    ['that is none', { term: 6, signature: '' }],
    ['that is no base64', { term: 6, signature: '!!' }],
    ['also where the term is too low', { ...hello(1), signature: '' }],
  ])('refuses a signature %s', (_what, answer) => {
    expect(() => checkHello(answer, CHALLENGE)).toThrow(expect.objectContaining({ code: 'SIGNATURE_INVALID' }));
  });
});

describe('readOperatorKey', () => {
  test('reads a public key in PEM', () => {
    expect(readOperatorKey(PEM).equals(publicKey)).toBe(true);
  });

  test.each([
    ['text', 'hello'],
    ['nothing', ''],
    ['another kind of key', generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()],
  ])('refuses %s', (_what, pem) => {
    expect(() => readOperatorKey(pem)).toThrow(expect.objectContaining({ code: 'LINK_KEY_INVALID' }));
  });
});
