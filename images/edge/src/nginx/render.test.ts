import { describe, expect, test } from '@jest/globals';
import { usableBindAddress } from './bind-address.ts';
import { renderNginxConfig } from './render.ts';

const OPTIONS = {
  bindAddress: '::',
  port: 8080,
  workers: 2,
  runDirectory: '/run/sluice',
  mediaDirectory: '/media',
  pageDirectory: '/app/page',
  accessLog: false,
};

describe('renderNginxConfig', () => {
  const text = renderNginxConfig(OPTIONS);

  test('has balanced braces', () => {
    const braces = text.replace(/#.*|'[^']*'|"[^"]*"/g, '');
    expect(braces.split('{').length).toBe(braces.split('}').length);
  });

  test.each([
    ['::', 'listen [::]:8080 ipv6only=off;'],
    ['0.0.0.0', 'listen 0.0.0.0:8080;'],
    ['127.0.0.1', 'listen 127.0.0.1:8080;'],
  ])('bound to %s it says "%s"', (bindAddress, line) => {
    expect(renderNginxConfig({ ...OPTIONS, bindAddress })).toContain(line);
  });

  test('keeps everything that it writes in the run directory, for a read-only root', () => {
    const written = [...text.matchAll(/^\s*(?:pid|\w+_temp_path) (\S+);/gm)].map(([, path]) => path);
    expect(written).toHaveLength(6);
    for (const path of written) expect(path).toMatch(/^\/run\/sluice\//);
  });

  test('names no way to the internal port', () => {
    expect(text).not.toContain('internal/');
    expect([...text.matchAll(/proxy_pass (\S+);/g)].map(([, target]) => target)).toEqual([
      ...Array(5).fill('http://sidecar'),
    ]);
    expect(text).toContain('server unix:/run/sluice/sidecar.sock');
  });

  test('does not wait for event streams for ever when it ends', () => {
    expect(text).toContain('worker_shutdown_timeout 30s;');
  });

  test('offers no half-written file', () => {
    const pattern = /location ~ (\S+\/s\/\S+) \{/.exec(text)?.[1] ?? 'none';
    expect('/live/default/film/s/11112222.1/source/7.0.ts').toMatch(new RegExp(pattern));
    expect('/live/default/film/s/11112222.1/source/7.0.ts.5f.tmp').not.toMatch(new RegExp(pattern));
  });

  test('answers its own errors in the shape of all errors', () => {
    const bodies = [...text.matchAll(/return \d+ '(\{.*\})';/g)].map(([, body]) => JSON.parse(body ?? ''));
    expect(bodies.length).toBeGreaterThan(5);
    for (const body of bodies)
      expect(body).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
  });

  test('writes a line per request only when asked, and never the query', () => {
    expect(text).toContain('access_log off;');
    expect(renderNginxConfig({ ...OPTIONS, accessLog: true })).toContain('access_log /dev/stdout compact;');
    expect(text).toMatch(/http \{[^}]*?error_log stderr alert;/s);
    expect(text).not.toMatch(/\$request_uri|\$request\b|\$args/);
  });
});

describe('usableBindAddress', () => {
  test.each([
    ['::', true, '::'],
    ['::', false, '0.0.0.0'],
    ['10.0.0.1', false, '10.0.0.1'],
  ])('%s, with IPv6 %p, means %s', async (wanted, hasIpv6, expected) => {
    expect(await usableBindAddress(wanted, () => Promise.resolve(hasIpv6))).toBe(expected);
  });
});
