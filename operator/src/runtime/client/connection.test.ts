import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata'; // the certificate library's own dependency needs it
import { createPrivateKey, webcrypto } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { WIDGET } from '../testing/widget.ts';
import { connect } from './connection.ts';
import { createHttpClient } from './http-client.ts';

const FILM = { namespace: 'default', name: 'film' };

interface Identity {
  readonly cert: string;
  readonly key: string;
}

async function makeIdentity(): Promise<Identity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=api',
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
    },
    webcrypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { cert: certificate.toString('pem'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

describe('connect', () => {
  let folder: string;
  let server: Server;
  let authorizations: (string | undefined)[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    authorizations = [];
    server = createServer((request, response) => {
      authorizations.push(request.headers.authorization);
      response.writeHead(404).end(JSON.stringify({ kind: 'Status', reason: 'NotFound', code: 404 }));
    });
    await use(await makeIdentity());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    rmSync(folder, { recursive: true });
  });

  /** The server shows this certificate from now on, and the CA file of the kubeconfig names it. */
  const use = async (identity: Identity) => {
    server.setSecureContext(identity);
    writeFileSync(join(folder, 'ca.crt'), identity.cert);
  };
  const kubeconfig = (user: object, cluster: object = {}): string => {
    const path = join(folder, 'config');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority': 'ca.crt', ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  };

  test.each<[string, object, string]>([
    ['a token', { token: 'abc' }, 'Bearer abc'],
    ['a name and a password', { username: 'me', password: 'secret' }, `Basic ${btoa('me:secret')}`],
  ])('proves itself by %s, to a server of the CA in the kubeconfig', async (_name, user, expected) => {
    const client = createHttpClient({ connection: connect(kubeconfig(user)) });
    expect(await client.get(WIDGET, FILM)).toBeNull();
    expect(authorizations).toEqual([expected]);
    await client.close();
  });

  test('reads the CA again when the server shows a certificate of another', async () => {
    let now = 0;
    const connection = connect(kubeconfig({ token: 'abc' }));
    const client = createHttpClient({ connection, now: () => now, wait: async () => {} });
    expect(await client.get(WIDGET, FILM)).toBeNull();
    await use(await makeIdentity());
    server.closeAllConnections();
    now += 3_600_000;
    expect(await client.get(WIDGET, FILM)).toBeNull();
    await client.close();
  });

  test('refuses a server that the CA does not know', async () => {
    const path = kubeconfig({ token: 'abc' });
    writeFileSync(join(folder, 'ca.crt'), (await makeIdentity()).cert);
    const client = createHttpClient({ connection: connect(path), wait: async () => {} });
    await expect(client.get(WIDGET, FILM)).rejects.toMatchObject({ code: 'Unreachable', retryable: true });
    expect(authorizations).toEqual([]);
    await client.close();
  });

  test('names a kubeconfig that cannot be used', () => {
    const expected = { code: 'KUBECONFIG_INVALID', retryable: false };
    expect(() => connect(join(folder, 'missing'))).toThrow(expect.objectContaining(expected));
    writeFileSync(join(folder, 'config'), 'current-context: nowhere\n');
    expect(() => connect(join(folder, 'config'))).toThrow(expect.objectContaining(expected));
  });
});
