import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endingWithParent } from './ending-with-parent.ts';
import { freePorts, until } from './programs.ts';
import { ask, FILM, post, type Stage, urisOf } from './stage.ts';

/** Players of the channel behind the cache, each with an id of its own in heartbeats. */
const VIEWERS = ['anna', 'bert', 'carl', 'dora', 'emil'] as const;
/** Each player asks so often in ms: far more often than a playlist changes. */
const POLL_MILLISECONDS = 200;
const WATCH_MILLISECONDS = 4_000;

/** A shared cache as any CDN is one: it does what `Cache-Control` says, and says itself where an answer came from. */
function configText(folder: string, port: number, edgeUrl: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
pid ${folder}/nginx.pid;
error_log stderr alert;
events {}
http {
${temporary.map((name) => `  ${name}_temp_path ${folder}/temp-${name};`).join('\n')}
  access_log off;
  proxy_cache_path ${folder}/cache keys_zone=cdn:1m use_temp_path=off;
  proxy_cache cdn;
  proxy_cache_key $request_uri;
  proxy_cache_lock on;
  proxy_cache_use_stale updating;
  add_header cdn-cache $upstream_cache_status always;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${edgeUrl};
    }
  }
}
`;
}

/** Runs a part with a shared cache in front of an edge. @param run gets the URL for viewers */
async function withCache(edgeUrl: string, run: (url: string) => Promise<string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-cdn-'));
  await chmod(folder, 0o755);
  const { http: port } = await freePorts();
  const config = join(folder, 'nginx.conf');
  await writeFile(config, configText(folder, port, edgeUrl));
  const [command, ...words] = endingWithParent(['nginx', '-e', 'stderr', '-c', config]);
  const cache = spawn(command, words, { stdio: 'ignore' });
  try {
    const url = `http://127.0.0.1:${port}`;
    const answers = () =>
      ask(url, '/healthz').then(
        () => true,
        () => false,
      );
    await until('the cache answers', 30, answers);
    return await run(url);
  } finally {
    const ended = once(cache, 'exit');
    cache.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true });
  }
}

/** `HeartbeatOnly` behind a shared cache: the edge sends each playlist once, no URL has an id, and heartbeats count. */
export function behindCache({ edges, other, route }: Stage): Promise<string> {
  for (const edge of edges) edge.snapshot([{ ...route, identity: 'HeartbeatOnly' }]);
  return withCache(other.url, async (url) => {
    const multivariant = () => ask(url, `${FILM}/index.m3u8?session=anna`);
    await until('URLs have no ids', 30, async () => !(await multivariant()).text.includes('session='));
    await until('the playlist may be kept', 30, async () => {
      const { status, headers } = await ask(url, `${FILM}/source.m3u8`);
      return status === 200 && /^public, max-age=\d+$/.test(String(headers['cache-control']));
    });
    for (const sessionId of VIEWERS) {
      const { status, text } = await post(url, '/api/stream/heartbeat', { channelId: 'film', sessionId });
      assert.equal(status, 200, text);
    }
    const from = performance.now();
    const caches: string[] = [];
    const fetched = () => caches.filter((answer) => answer === 'MISS' || answer === 'EXPIRED').length;
    let newest = '';
    const watch = async (): Promise<void> => {
      while (performance.now() < from + WATCH_MILLISECONDS || fetched() === 0) {
        const { status, text, headers } = await ask(url, `${FILM}/source.m3u8`);
        assert.equal(status, 200, text);
        assert.ok(!text.includes('session='), text);
        caches.push(String(headers['cdn-cache']));
        newest = urisOf(text).at(-1) ?? '';
        await sleep(POLL_MILLISECONDS);
      }
    };
    await Promise.all(VIEWERS.map(watch));
    const seconds = (performance.now() - from) / 1000;
    const fetches = fetched();
    // Kept for half a target duration of 2 s, and nginx counts in whole seconds; one may be under way at either end.
    assert.ok(fetches <= seconds + 2, `the edge was asked ${fetches} times in ${seconds} s`);
    const segments = await Promise.all(VIEWERS.map(() => ask(url, `${FILM}/${newest}`)));
    for (const { status, body } of segments)
      assert.ok(status === 200 && segments[0]?.body.equals(body), 'the same bytes');
    const asked = segments.filter(({ headers }) => headers['cdn-cache'] !== 'HIT').length;
    assert.ok(asked <= 1, `the edge was asked ${asked} times for one segment`);
    const { viewerCount } = JSON.parse((await ask(url, '/api/stream/default/film/status')).text);
    assert.equal(viewerCount, VIEWERS.length);
    return `${caches.length} polls of ${VIEWERS.length} viewers, ${fetches} of them at the edge in ${seconds.toFixed(1)} s`;
  });
}
