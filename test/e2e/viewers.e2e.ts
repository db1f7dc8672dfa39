import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChannelStatusView, waitForProbe, waitForStatus } from './channel-state.ts';
import { readPlatform } from './environment.ts';
import { channelManifest, namespaceManifest } from './manifests.ts';

const platform = readPlatform();
const { edgeUrl, source, pace } = platform;
const NAMESPACE = 'crowd';
const CHANNEL = 'watched';
const PROGRAM = fileURLToPath(new URL('../viewer/main.ts', import.meta.url));

/** Starts `npm run viewers` with these arguments. */
function startViewers(...words: string[]): { readonly child: ChildProcess; readonly ended: Promise<string> } {
  const child = spawn(process.execPath, ['--no-warnings', PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(lines.join('')) : reject(new Error(`${code}\n${lines.join('')}`)),
    );
  });
  ended.catch(() => {});
  return { child, ended };
}

function untilCounted(count: number): Promise<unknown> {
  const counted = ({ viewers }: ChannelStatusView) => ((viewers?.count ?? 0) === count ? true : null);
  return waitForStatus(platform, { namespace: NAMESPACE, name: CHANNEL }, `counts ${count} viewers`, counted, 30);
}

beforeAll(async () => {
  const uri = `${source.url}/crowd/film/index.m3u8`;
  const spec = { delivery: { minimumMode: 'Proxy', maximumMode: 'Proxy' } };
  await platform.apply(namespaceManifest(NAMESPACE));
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri, spec }));
  await waitForProbe(platform, NAMESPACE, CHANNEL);
});

afterAll(async () => {
  await platform.delete('Namespace', '', NAMESPACE);
});

describe(`npm run viewers (${platform.name})`, () => {
  test('adds viewers who play and count, and leave at Ctrl-C', async () => {
    const { child, ended } = startViewers(`${NAMESPACE}/${CHANNEL}`, '5', '--url', edgeUrl);
    try {
      await untilCounted(5);
      await new Promise((resolve) => setTimeout(resolve, pace.watchSeconds * 1000));
    } finally {
      child.kill('SIGINT');
    }
    const output = await ended;
    expect(output).toMatch(/^crowd\/watched {2}5 of 5 play {2}proxy, 5 in all {2}[\d.]+ Mbit\/s$/m);
    expect(Number(/(\d+) segments/.exec(output)?.[1])).toBeGreaterThan(10);
    expect(output).toMatch(/^5 of 5 viewers have left; .* problems 0$/m);
    await untilCounted(0);
  });

  test('plays without segments, with heartbeats, for a time', async () => {
    const options = ['--playlists-only', '--heartbeats', '--for', '4'];
    const { ended } = startViewers(`${NAMESPACE}/${CHANNEL}`, '2', '--url', edgeUrl, ...options);
    await untilCounted(2);
    expect(await ended).toMatch(/^2 of 2 viewers have left; problems 0$/m);
    await untilCounted(0);
  });

  test.each([
    { name: 'a channel that does not exist', words: ['crowd/nowhere', '1', '--url', edgeUrl], says: /crowd\/nowhere/ },
    { name: 'an edge that is not there', words: ['demo/film', '1', '--url', 'http://127.0.0.1:9'], says: /no answer/ },
    { name: 'no number', words: ['demo/film'], says: /the number of viewers/ },
  ])('says what is wrong with $name', async ({ words, says }) => {
    await expect(startViewers(...words).ended).rejects.toThrow(says);
  });
});

describe(`maxViewers (${platform.name})`, () => {
  const channelId = `${NAMESPACE}/${CHANNEL}`;
  const say = (what: 'heartbeat' | 'leave', sessionId: string) =>
    fetch(`${edgeUrl}/api/stream/${what}`, { method: 'POST', body: JSON.stringify({ channelId, sessionId }) });
  const statusOf = async (sessionId: string): Promise<number> => (await say('heartbeat', sessionId)).status;
  /** New viewers ask at once, and leave again, until all get this answer: every edge knows of the limit, or of who has left. */
  const untilNewcomersGet = async (status: number, count: number): Promise<void> => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const newcomers = Array.from({ length: count }, (_, index) => `newcomer-${status}-${attempt}-${index}`);
      const statuses = await Promise.all(newcomers.map(statusOf));
      if (statuses.every((one) => one === status)) return;
      await Promise.all(newcomers.map((one) => say('leave', one)));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`newcomers are not answered with ${status}`);
  };

  test('refuses whoever comes to a full channel, at once on all edges, and nobody who watches', async () => {
    await platform.patch('Channel', NAMESPACE, CHANNEL, { spec: { viewers: { maxViewers: 2 } } });
    expect(await Promise.all(['anna', 'bert'].map(statusOf))).toEqual([200, 200]);
    await untilNewcomersGet(429, 12);
    const playlist = await fetch(`${edgeUrl}/live/${channelId}/index.m3u8`);
    expect(playlist.status).toBe(429);
    expect(playlist.headers.get('retry-after')).toBe('10');
    expect(await playlist.json()).toEqual({
      error: { code: 'STREAM_LIMIT_EXCEEDED', message: expect.stringContaining(channelId) },
    });
    const watching = ['anna', 'bert'].flatMap((id) => [id, id, id]);
    expect(new Set(await Promise.all(watching.map(statusOf)))).toEqual(new Set([200]));
    expect((await fetch(`${edgeUrl}/live/${channelId}/index.m3u8?session=anna`)).status).toBe(200);
    await say('leave', 'bert');
    await untilNewcomersGet(200, 1);
  });
});
