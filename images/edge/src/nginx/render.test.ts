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
  openFilesLimit: null,
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

  test.each([
    [null, 32_768, 16_384],
    [1_048_576, 32_768, 16_384],
    [20_000, 20_000, 16_384],
    [4_096, 4_096, 4_096],
  ])(
    'where a process may have %p files open it asks for %d, and %d connections',
    (openFilesLimit, files, connections) => {
      const limited = renderNginxConfig({ ...OPTIONS, openFilesLimit });
      expect(limited).toContain(`worker_rlimit_nofile ${files};`);
      expect(limited).toContain(`worker_connections ${connections};`);
    },
  );

  test('keeps everything that it writes in the run directory, for a read-only root', () => {
    const written = [...text.matchAll(/^\s*(?:pid|\w+_temp_path) (\S+);/gm)].map(([, path]) => path);
    expect(written).toHaveLength(6);
    for (const path of written) expect(path).toMatch(/^\/run\/sluice\//);
  });

  test('passes on the headers that the sidecar reads, and no others', () => {
    expect(text).toContain('proxy_pass_request_headers off;');
    expect([...text.matchAll(/proxy_set_header (\S+) (\S+);/g)].map(([, ...words]) => words.join(' '))).toEqual([
      "Connection ''",
      'Host $http_host',
      'User-Agent $http_user_agent',
      'Purpose $http_purpose',
      'Sec-Purpose $http_sec_purpose',
      'CMCD-Session $http_cmcd_session',
    ]);
  });

  test('names no way to the internal port', () => {
    expect(text).not.toContain('internal/');
    expect([...text.matchAll(/proxy_pass (\S+);/g)].map(([, target]) => target)).toEqual([
      ...Array(5).fill('http://sidecar'),
    ]);
    expect(text).toContain('server unix:/run/sluice/sidecar.sock');
  });

  test.each([
    ['::', ['127.0.0.0/8', '::1']],
    ['10.0.0.7', ['127.0.0.0/8', '::1', '10.0.0.7']],
  ])('bound to %s it tells its counters to its own pod alone', (bindAddress, allowed) => {
    const [block = ''] = /location = \/\.status \{[^}]*\}/.exec(renderNginxConfig({ ...OPTIONS, bindAddress })) ?? [];
    expect([...block.matchAll(/allow (\S+);/g)].map(([, network]) => network)).toEqual(allowed);
    expect(block).toMatch(/deny all;\s*\}$/);
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
    expect(/log_format compact .*/.exec(text)?.[0]).not.toMatch(/\$request_uri|\$request\b|\$arg/);
  });
});

describe('playlists that nginx sends by itself', () => {
  const text = renderNginxConfig({ ...OPTIONS, accessLog: true });
  const map = (variable: string): RegExp =>
    new RegExp(new RegExp(`\\$${variable} \\{\\s+"~(\\S.*)" `).exec(text)?.[1]?.replace(/^\*/, '') ?? 'none');

  test.each([
    ['GET?session=anna ', true],
    ['GET?session=s2.AbC-_.~9 ', true],
    ['GET?session=anna prefetch', false],
    ['GET?session=anna yes', false],
    ['HEAD?session=anna ', false],
    ['POST?session=anna ', false],
    ['GET? ', false],
    ['GET?session= ', false],
    ['GET?session=anna&x=1 ', false],
    ['GET?session=a%20b ', false],
    ['GET?CMCD=sid%3D%22anna%22 ', false],
    [`GET?session=${'a'.repeat(129)} `, false],
  ])('answer %j: %p', (question, isAnswered) => {
    expect(map('playlist_period').test(question)).toBe(isAnswered);
  });

  test('are those of the present ten seconds', () => {
    expect(map('period').exec('1763754321.123')?.[1]).toBe('176375432');
  });

  test('answer errors as everywhere, also where the sidecar is away whom a playlist without a file is for', () => {
    const [place = ''] = /location ~ \S+\.m3u8\$ \{.*?\n {4}\}/s.exec(text) ?? [];
    const pages = (part: string): string[] => part.match(/error_page [\d ]+= \/\.error\/\d+;/g) ?? [];
    expect(pages(place).length).toBeGreaterThan(5);
    expect(new Set(pages(text.replace(place, '')))).toEqual(new Set(pages(place)));
    // The first one of a status is in force.
    expect(/error_page 403 404 [^=]*= @sidecar;/.exec(place)?.index).toBeLessThan(place.indexOf('/.error/'));
    expect(place).toContain('recursive_error_pages on;');
  });

  test('are written down for the sidecar, and on stdout where everything is', () => {
    const lines = text.match(/access_log \S+ \S+/g);
    expect(lines).toEqual([
      'access_log /dev/stdout compact;',
      'access_log /run/sluice/polls.log polls',
      'access_log /dev/stdout compact;',
    ]);
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

describe('the place of segments', () => {
  const text = renderNginxConfig(OPTIONS);
  const [place = ''] = /location ~ \S+\/s\/\S+ \{.*?\n {4}\}/s.exec(text) ?? [];

  test('answers errors as everywhere, also where the sidecar is away whom a missing file is asked of', () => {
    expect(place.match(/error_page [\d ]+= \/\.error\/\d+;/g)?.length).toBeGreaterThan(5);
    // The first one of a status is in force.
    for (const mine of ['error_page 403 404 = @sidecar;', 'error_page 405 = @preflight;']) {
      expect(place).toContain(mine);
      expect(place.indexOf(mine)).toBeLessThan(place.indexOf('/.error/'));
    }
    expect(place).toContain('recursive_error_pages on;');
  });

  test('looks for a file once, and at no method', () => {
    expect(place.replace(/#.*/g, '')).not.toMatch(/try_files|if \(/);
  });
});
