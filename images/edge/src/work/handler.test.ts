import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ChannelOwner } from '../channel/owner.ts';
import { TranscodeSession } from '../channel/transcode.ts';
import { ReadingRoom } from '../source/room.ts';
import { openServer } from '../testing/http.ts';
import { createWorkHandler } from './handler.ts';

const TOKEN = 'token-of-the-session';
const HEADERS = { authorization: `Bearer ${TOKEN}`, 'sluice-attempt': '1', 'content-type': 'video/mp2t' };
const UPLOAD = '/internal/v1/sessions/default/film-1/segments/1/360p/7';

let server: Awaited<ReturnType<typeof openServer>>;

/** An owner whose channel has moved on from its only session: what that uploads is read, and not stored. */
function pastOwner(): Pick<ChannelOwner, 'sessionNamed' | 'session' | 'isClosed' | 'now' | 'poke'> {
  const tokenSha256 = createHash('sha256').update(TOKEN).digest('hex');
  const past = new TranscodeSession({ name: 'film-1', uid: 'session-uid', tokenSha256, rungs: ['360p'] });
  return { sessionNamed: () => past, session: null, isClosed: false, now: () => 0, poke: () => {} };
}

beforeEach(async () => {
  const owner = { ...pastOwner(), publisher: { log: null, stored: () => [{ epoch: 1 }] } } as unknown as ChannelOwner;
  server = await openServer(createServer(createWorkHandler({ ownerOfSession: () => owner }, new ReadingRoom())));
});
afterEach(() => server.close());

const put = (headers: Record<string, string>) =>
  server.ask(UPLOAD, { method: 'PUT', headers: { ...HEADERS, ...headers }, body: 'bytes' });

test('an upload may not be longer than it says: compressed ones are refused', async () => {
  expect((await put({})).status).toBe(200);
  for (const encoding of ['gzip', 'deflate', 'br']) {
    const { status, text } = await put({ 'content-encoding': encoding });
    expect([status, JSON.parse(text)]).toEqual([415, { error: expect.objectContaining({ code: 'BAD_REQUEST' }) }]);
  }
});
