import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { request } from 'undici';
import { eventually } from '../install/kubectl.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { waitForCondition, waitForProbe } from './channel-state.ts';
import { readPlatform } from './environment.ts';
import { badSourceManifest, channelManifest, namespaceManifest } from './manifests.ts';
import type { PlatformObject } from './platform/platform.ts';

const platform = readPlatform();
const { edgeUrl, addresses, source } = platform;
const NAMESPACE = 'trouble';
const FILM = `${source.url}/trouble/film/index.m3u8`;
/** Plays while others are in trouble. */
const NEIGHBOUR = 'neighbour';
const TARGET_DURATION_SECONDS = 2;

/** Watches a healthy channel all the while: no trouble of another channel may show here. */
let neighbour: Viewer;

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

async function ask(path: string, options: { method?: 'GET' | 'POST'; body?: string } = {}): Promise<Answer> {
  const headers = options.body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await request(`${edgeUrl}${path}`, { ...options, headers });
  const text = await answer.body.text();
  const body = text.startsWith('{') ? (JSON.parse(text) as { error?: Answer['error'] }) : {};
  return { status: answer.statusCode, retryAfter: answer.headers['retry-after']?.toString(), error: body.error };
}

/** A channel whose source may be anything. */
async function apply(name: string, uri: string, spec: object = {}): Promise<void> {
  await platform.apply(channelManifest({ namespace: NAMESPACE, name, uri, spec }));
}

const remove = (name: string) => platform.delete('Channel', NAMESPACE, name);

const conditionOf = (name: string, type: string, status: string, timeoutSeconds?: number) =>
  waitForCondition(platform, { namespace: NAMESPACE, name }, type, status, timeoutSeconds);

interface PodView extends PlatformObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady(pod: PodView | null): boolean {
  return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

beforeAll(async () => {
  await platform.apply(namespaceManifest(NAMESPACE));
  await platform.apply(badSourceManifest(NAMESPACE, platform.nodeImage));
  await apply(NEIGHBOUR, FILM);
  await eventually(
    'the pod bad-source is ready',
    async () => (isReady(await platform.get<PodView>('Pod', NAMESPACE, 'bad-source')) ? true : null),
    { timeoutSeconds: 60 },
  );
  await waitForProbe(platform, NAMESPACE, NEIGHBOUR);
  neighbour = startViewer({
    edgeUrl,
    namespace: NAMESPACE,
    channel: NEIGHBOUR,
    session: 'trouble-neighbour',
    addresses,
  });
  await neighbour.started;
});

afterAll(async () => {
  await neighbour?.stop();
  await platform.delete('Namespace', '', NAMESPACE);
});

const BAD_SOURCES = [
  { name: 'down', uri: 'http://bad-source.trouble.svc:81/index.m3u8', says: /refused|timed out|unreachable/i },
  { name: 'missing', uri: 'http://bad-source.trouble.svc/missing/index.m3u8', says: /404/ },
  {
    name: 'html',
    uri: 'http://bad-source.trouble.svc/html/index.m3u8',
    says: /HTML|not a playlist|no playlist|EXTM3U/i,
  },
  { name: 'broken', uri: 'http://bad-source.trouble.svc/broken/index.m3u8', says: /TARGETDURATION|playlist/i },
  { name: 'silent', uri: 'http://bad-source.trouble.svc/silent/index.m3u8', says: /answer|time/i },
  { name: 'nameless', uri: 'http://no-such-host.invalid/index.m3u8', says: /resolve|ENOTFOUND|name/i },
  {
    name: 'metadata',
    uri: 'http://bad-source.trouble.svc/secret-redirect/index.m3u8',
    says: /169\.254\.169\.254|not allowed|allowedCIDRs/,
  },
];

/** What the edge answers for a channel, and what its condition says, as soon as its source is known to be bad. */
async function troubleOf({ name, uri }: (typeof BAD_SOURCES)[number]) {
  await apply(name, uri);
  const answer = await eventually(
    'the edge knows the channel',
    async () => {
      const found = await ask(`/live/${NAMESPACE}/${name}/index.m3u8`);
      return found.status === 404 ? null : found;
    },
    { timeoutSeconds: 30 },
  );
  const { message } = await conditionOf(name, 'SourceHealthy', 'False');
  await conditionOf(name, 'Ready', 'False', 5);
  await remove(name);
  return { answer, message };
}

describe('a source in trouble gives a clear condition and a clear answer', () => {
  const troubles = new Map<string, ReturnType<typeof troubleOf>>();

  // All at once: some take as long to fail as others have patience.
  beforeAll(() => {
    for (const source of BAD_SOURCES) {
      const trouble = troubleOf(source);
      trouble.catch(() => {}); // told by its own test
      troubles.set(source.name, trouble);
    }
  });

  test.each(BAD_SOURCES)('$name', async ({ name, says }) => {
    const { answer, message } = (await troubles.get(name)) ?? {};
    expect(answer).toMatchObject({ status: 503, error: { code: expect.any(String) } });
    expect(Number(answer?.retryAfter)).toBeGreaterThan(0);
    expect(message).toMatch(says);
  });
});

describe('requests that make no sense are refused in the fixed shape', () => {
  test.each([
    { path: '/live/demo/nowhere/index.m3u8', status: 404 },
    { path: '/live/demo/nowhere/source.m3u8', status: 404 },
    { path: '/live/trouble/neighbour/no-such-rung.m3u8', status: 404 },
    { path: '/live/trouble/neighbour/s/00000000.1/source/1.0.ts', status: 404 },
    { path: '/live/trouble/neighbour/s/..%2f..%2f..%2f..%2fetc%2fpasswd', status: 404 },
    { path: '/api/stream/demo/nowhere/status', status: 404 },
    { path: '/api/no-such-call', status: 404 },
    { path: '/internal/v1/sessions/demo/film/work', status: 404 },
    { path: '/', status: 404 },
  ])('GET $path is $status', async ({ path, status }) => {
    const answer = await ask(path);
    expect(answer).toMatchObject({ status, error: { code: expect.any(String), message: expect.any(String) } });
  });

  test.each([
    { what: 'no JSON', body: 'viewer', status: 400 },
    { what: 'half a JSON', body: '{"channelId":', status: 400 },
    { what: 'no channel', body: '{"sessionId":"a"}', status: 400, names: 'channelId' },
    { what: 'no session', body: '{"channelId":"trouble/neighbour"}', status: 400, names: 'sessionId' },
    {
      what: 'a session with spaces',
      body: '{"channelId":"trouble/neighbour","sessionId":"a b"}',
      status: 400,
      names: 'sessionId',
    },
    {
      what: 'a number as session',
      body: '{"channelId":"trouble/neighbour","sessionId":7}',
      status: 400,
      names: 'sessionId',
    },
    {
      what: 'an unknown channel',
      body: '{"channelId":"demo/nowhere","sessionId":"a"}',
      status: 404,
      names: 'demo/nowhere',
    },
    { what: 'a megabyte', body: JSON.stringify({ channelId: 'x'.repeat(1_000_000), sessionId: 'a' }), status: 413 },
  ])('a heartbeat with $what is $status', async ({ body, status, names }) => {
    const answer = await ask('/api/stream/heartbeat', { method: 'POST', body });
    expect(answer).toMatchObject({ status, error: { code: expect.any(String) } });
    expect(answer.error?.message).toContain(names ?? '');
  });
});

describe('the neighbour channel', () => {
  test('noticed nothing of all this', async () => {
    await neighbour.stop();
    expect(neighbour.record.problems).toEqual([]);
    expect(pollViolations(neighbour.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    expect(neighbour.record.polls.length).toBeGreaterThan(3);
  });
});
