import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MP4_TYPE, MPEG_TS_TYPE } from '@sluice/common/work/contract.ts';
import { OwnerClient } from './client.ts';

let server: Server | null = null;
let client: OwnerClient | null = null;

/** A client of a server that answers everything with `answer`, and what was asked of it. */
async function clientOf(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = [];
  server = createServer((request, response) => {
    const { authorization, 'sluice-attempt': attempt, 'content-type': type } = request.headers;
    asked.push([request.method, request.url, authorization, attempt, type].join(' ').trim());
    request.resume().on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new OwnerClient({
    edgeUrl: `http://127.0.0.1:${port}`,
    sessionNamespace: 'default',
    sessionName: 'film-1',
    attempt: 3,
    token: () => 'secret',
  });
  return { client, asked };
}

afterEach(async () => {
  await client?.close();
  server?.closeAllConnections();
  server?.close();
});

const never = new AbortController().signal;

describe('the work API', () => {
  test('asks as the contract says', async () => {
    const work = { epoch: 2, targetDurationSeconds: 2, segments: [], stop: false };
    const { client, asked } = await clientOf((request, response) => {
      response.end(request.url?.includes('work') === true ? JSON.stringify(work) : '{"done":true}');
    });
    expect(await client.work({ epoch: 2, after: 41 }, false, never)).toEqual(work);
    await client.source(2, 42, never);
    await client.init(2, 42, never);
    await client.putSegment(2, '720p', 42, new Uint8Array(10), MP4_TYPE);
    expect(await client.drained()).toBe(true);
    const base = '/internal/v1/sessions/default/film-1';
    expect(asked).toEqual([
      `GET ${base}/work?epoch=2&after=41&ended=false Bearer secret 3`,
      `GET ${base}/source/2/42 Bearer secret 3`,
      `GET ${base}/init/2/42 Bearer secret 3`,
      `PUT ${base}/segments/2/720p/42 Bearer secret 3 ${MP4_TYPE}`,
      `POST ${base}/drain Bearer secret 3 application/json`,
    ]);
  });

  test.each<[number, string, boolean, string?]>([
    [409, 'SUPERSEDED', false],
    [410, 'EPOCH_OVER', false],
    [413, 'SEGMENT_TOO_LARGE', false],
    [422, 'SEGMENT_BROKEN', false],
    [404, 'NOT_FOUND', false, 'SEGMENT_UNKNOWN'],
    [404, 'OWNER_REFUSED', true, 'SESSION_UNKNOWN'],
    [401, 'OWNER_REFUSED', true],
    [503, 'OWNER_UNREACHABLE', true],
  ])('status %d is %s', async (status, code, retryable, said = 'X') => {
    const { client } = await clientOf((_, response) => {
      response.writeHead(status).end(JSON.stringify({ error: { code: said, message: 'the reason' } }));
    });
    const failed = client.putSegment(1, 'low', 1, new Uint8Array(1), MPEG_TS_TYPE);
    await expect(failed).rejects.toMatchObject({ code, retryable, message: expect.stringContaining('the reason') });
  });

  test.each([
    ['no JSON', 'hello'],
    ['another form', '{"epoch":0}'],
    ['too long', `"${'x'.repeat(300_000)}"`],
  ])('an answer that is not the contract is retryable: %s', async (_, body) => {
    const { client } = await clientOf((_request, response) => void response.end(body));
    await expect(client.work({ epoch: 0, after: -1 }, false, never)).rejects.toMatchObject({
      code: 'OWNER_UNREACHABLE',
    });
  });

  test('a connection that is cut is retryable', async () => {
    const { client } = await clientOf((request) => request.socket.destroy());
    await expect(client.drained()).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE', retryable: true });
  });
});
