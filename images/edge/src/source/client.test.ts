import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { addressGuard } from './address.ts';
import { createSourceClient, type SourceClient, type SourceRequest } from './client.ts';
import { headersFor, headersOfSource } from './headers.ts';

describe('the address guard', () => {
  const guard = addressGuard(['10.1.0.0/16', 'fd00:1::/32']);

  test.each([
    ['93.184.216.34', true],
    ['2606:2800:220:1:248:1893:25c8:1946', true],
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['fd00:1::5', true],
    ['10.2.0.1', false],
    ['127.0.0.1', false],
    ['::1', false],
    ['::ffff:127.0.0.1', false],
    ['169.254.169.254', false],
    ['fe80::1', false],
    ['fd00:2::1', false],
    ['0.0.0.0', false],
    ['100.64.0.1', false],
    ['224.0.0.1', false],
    ['64:ff9b::7f00:1', false],
    ['64:ff9b:1::a00:1', false],
    ['::127.0.0.1', false],
    ['fec0::1', false],
    ['2002:7f00:1::', false],
    ['198.18.0.1', false],
    ['255.255.255.255', false],
    ['not an address', false],
  ])('answers %s with %s', (address, admitted) => {
    expect(guard(address)).toBe(admitted);
  });

  test('says which CIDR is none', () => {
    expect(() => addressGuard(['10.0.0.0'])).toThrow('"10.0.0.0" is no CIDR');
  });
});

describe('the source client', () => {
  let server: Server;
  let client: SourceClient;

  async function serve(listener: RequestListener, cidrs = ['127.0.0.0/8', '::1/128']): Promise<string> {
    server = createServer(listener);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    client = createSourceClient(addressGuard(cidrs));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  afterEach(async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  function read(url: string, changes: Partial<SourceRequest> = {}): ReturnType<SourceClient['read']> {
    const signal = new AbortController().signal;
    return client.read({
      url,
      headers: { origin: '', values: {} },
      maxBytes: 1000,
      timeoutMs: 2_000,
      signal,
      ...changes,
    });
  }

  test('follows redirects and says who answered', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: '/b/c' }).end();
      else response.end('hello');
    });
    const answer = await read(`${base}/a`);
    expect(Buffer.from(answer.bytes).toString()).toBe('hello');
    expect(answer.url).toBe(`${base}/b/c`);
  });

  describe('sends the headers of the Secret', () => {
    const seen: string[] = [];
    let origin: string;
    let elsewhere: string;
    let other: Server;

    beforeEach(async () => {
      const note = (request: IncomingMessage): void => {
        seen.push(`${request.headers.host?.split(':')[0]}${request.url} ${request.headers['x-secret'] ?? 'without'}`);
      };
      seen.length = 0;
      origin = await serve((request, response) => {
        note(request);
        if (request.url === '/leaves') response.writeHead(302, { location: `${elsewhere}/b` }).end();
        else if (request.url === '/stays') response.writeHead(302, { location: '/b' }).end();
        else response.end('x');
      });
      const port = Number(new URL(origin).port);
      elsewhere = `http://127.0.0.2:${port}`;
      other = createServer((request, response) => {
        note(request);
        if (request.url === '/back') response.writeHead(302, { location: `${origin}/b` }).end();
        else response.end('x');
      });
      await new Promise<void>((resolve) => {
        other.listen(port, '127.0.0.2', resolve);
      });
    });

    afterEach(() => {
      other.closeAllConnections();
      other.close();
    });

    test.each([
      { from: () => `${origin}/a`, expected: ['127.0.0.1/a s'] },
      { from: () => `${origin}/stays`, expected: ['127.0.0.1/stays s', '127.0.0.1/b s'] },
      { from: () => `${origin}/leaves`, expected: ['127.0.0.1/leaves s', '127.0.0.2/b without'] },
      // As a playlist of the source may name it.
      { from: () => `${elsewhere}/a`, expected: ['127.0.0.2/a without'] },
      { from: () => `${elsewhere}/back`, expected: ['127.0.0.2/back without', '127.0.0.1/b s'] },
    ])('to the origin that the Channel names alone: $expected', async ({ from, expected }) => {
      await read(from(), { headers: headersOfSource({ uri: `${origin}/index.m3u8`, headers: { 'X-Secret': 's' } }) });
      expect(seen).toEqual(expected);
    });
  });

  test.each([
    ['http://host/a', 'https://host/b', true],
    ['https://host/a', 'http://host/b', false],
    ['http://host:81/a', 'https://host:81/b', false],
    ['http://host/a', 'https://host.evil/b', false],
    ['https://host/a', 'https://host:8443/b', false],
    ['no url', 'https://host/b', false],
  ])('headers for %s go to %s: %s', (uri, url, expected) => {
    const values = headersFor(headersOfSource({ uri, headers: { a: 'b' } }), new URL(url));
    expect(values).toEqual(expected ? { a: 'b' } : {});
  });

  test('connects by the addresses that a name has at that moment, whatever it had before', async () => {
    const base = await serve((_request, response) => void response.setHeader('connection', 'close').end('x'));
    await client.close();
    const answers = ['127.0.0.1', '10.0.0.1', '127.0.0.1'];
    client = createSourceClient(addressGuard(['127.0.0.0/8']), {
      resolve: (_name, _options, callback) => callback(null, [{ address: answers.shift() ?? '', family: 4 }]),
    });
    const named = base.replace('127.0.0.1', 'rebinding.example');
    expect((await read(named)).bytes).toHaveLength(1);
    await expect(read(named)).rejects.toMatchObject({ code: 'SOURCE_FORBIDDEN_ADDRESS' });
    expect((await read(named)).bytes).toHaveLength(1);
  });

  test.each([
    { name: 'an address literal', make: (base: string) => base },
    { name: 'a name that resolves to one', make: (base: string) => base.replace('127.0.0.1', 'localhost') },
  ])('never connects to $name outside the allowed CIDRs', async ({ make }) => {
    let requests = 0;
    const base = await serve((_request, response) => {
      requests += 1;
      response.end('secret');
    }, []);
    await expect(read(make(base))).rejects.toMatchObject({ code: 'SOURCE_FORBIDDEN_ADDRESS', retryable: false });
    expect(requests).toBe(0);
  });

  test('checks the address again after a redirect', async () => {
    const base = await serve(
      (_request, response) => void response.writeHead(302, { location: 'http://169.254.169.254/meta' }).end(),
    );
    await expect(read(base)).rejects.toMatchObject({ code: 'SOURCE_FORBIDDEN_ADDRESS' });
  });

  test.each([
    { url: 'ftp://host/x', code: 'SOURCE_URL' },
    { url: 'file:///etc/passwd', code: 'SOURCE_URL' },
    { url: 'nonsense', code: 'SOURCE_URL' },
  ])('refuses $url', async ({ url, code }) => {
    await serve((_request, response) => void response.end());
    await expect(read(url)).rejects.toMatchObject({ code, retryable: false });
  });

  test('ends a loop of redirects', async () => {
    const base = await serve((_request, response) => void response.writeHead(302, { location: '/again' }).end());
    await expect(read(base)).rejects.toMatchObject({ code: 'SOURCE_REDIRECTS' });
  });

  test('stops an answer that is too large, and takes the start of one where that is enough', async () => {
    const base = await serve((_request, response) => void response.end(Buffer.alloc(5000)));
    await expect(read(base)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
    expect(await read(base, { partial: true })).toMatchObject({ bytes: expect.objectContaining({ length: 1000 }) });
  });

  test('takes the word of an answer that says it is too large, and not of one that says it is small', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/large') response.writeHead(200, { 'content-length': 1e12 }).write('x');
      else response.end(Buffer.alloc(900));
    });
    await expect(read(`${base}/large`)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
    expect((await read(`${base}/small`)).bytes).toHaveLength(900);
  });

  test('tells a status although the body behind it never ends', async () => {
    const base = await serve((_request, response) => void response.writeHead(404).write('x'));
    await expect(read(base, { timeoutMs: 60_000 })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });

  test.each([
    { name: 'does not answer', listener: (() => undefined) as RequestListener },
    { name: 'answers too slowly', listener: ((_request, response) => void response.write('x')) as RequestListener },
  ])('gives up on a source that $name', async ({ listener }) => {
    const base = await serve(listener);
    await expect(read(base, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT', retryable: true });
  });

  test.each([
    { status: 404, code: 'SOURCE_NOT_FOUND' },
    { status: 410, code: 'SOURCE_NOT_FOUND' },
    { status: 403, code: 'SOURCE_HTTP_STATUS' },
    { status: 500, code: 'SOURCE_HTTP_STATUS' },
  ])('tells status $status as $code', async ({ status, code }) => {
    const base = await serve((_request, response) => void response.writeHead(status).end());
    await expect(read(base)).rejects.toMatchObject({ code });
  });

  test('asks for what has changed only', async () => {
    const base = await serve((request, response) => {
      if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
      else response.setHeader('etag', '"1"').end('x');
    });
    const first = await read(base);
    expect(await read(base, { etag: first.etag ?? '' })).toMatchObject({ status: 304 });
  });

  test('cuts a range itself where the server ignores it', async () => {
    const base = await serve((_request, response) => void response.end('0123456789'));
    const answer = await read(base, { range: { offset: 2, length: 3 } });
    expect(Buffer.from(answer.bytes).toString()).toBe('234');
  });

  test('reads what stands in front of a range, too, where it takes the beginning of one from such a server', async () => {
    const base = await serve((_request, response) => void response.end('0123456789'.repeat(100)));
    const answer = await read(base, { range: { offset: 502, length: 400 }, maxBytes: 4, partial: true });
    expect(Buffer.from(answer.bytes).toString()).toBe('2345');
    expect(answer.contentLength).toBe(400);
  });

  test('reads no more of a range than was asked for', async () => {
    const base = await serve((_request, response) => void response.writeHead(206).end('23456789'));
    const answer = await read(base, { range: { offset: 2, length: 3 } });
    expect(Buffer.from(answer.bytes).toString()).toBe('234');
  });

  test.each([
    ['a file that ends before', 200, {}, { offset: 8, length: 3 }, 'SEGMENT_BROKEN', /2 of the 3 bytes/],
    ['less', 206, {}, { offset: 0, length: 11 }, 'SEGMENT_BROKEN', /10 of the 11 bytes/],
    ['another one', 206, { 'content-range': 'bytes 0-9/10' }, { offset: 5, length: 10 }, 'SEGMENT_BROKEN', /from 0 on/],
    ['a file of gigabytes', 200, {}, { offset: 3e9, length: 3 }, 'SOURCE_TOO_LARGE', /ignores Range/],
  ])('refuses what is no range that was asked for: %s', async (_what, status, headers, range, code, message) => {
    const base = await serve((_request, response) => void response.writeHead(status, headers).end('0123456789'));
    await expect(read(base, { range })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('cannot reach a closed port', async () => {
    const base = await serve((_request, response) => void response.end());
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await expect(read(base)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', retryable: true });
  });
});
