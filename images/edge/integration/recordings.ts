import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Poll, pollViolations } from '@sluice/test/viewer/invariants.ts';
import { type MediaPlaylist, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { playInBrowsers } from './players.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from './programs.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const run = promisify(execFile);
const FRAME_RATE = 25;
/** Of the film: more than a recording lists at once, so that it has to be played. */
const FILM_SECONDS = 16;
/** Judged is what playlists say, not when they are asked for. */
const ANY_RHYTHM = Number.POSITIVE_INFINITY;

/** Sends a file, or the part of it that is asked for (RFC 9110 14.2). */
function send(path: string, asked: string | undefined, response: ServerResponse): void {
  const { size } = statSync(path);
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(asked ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = last === undefined || last === '' ? size - 1 : Math.min(size - 1, Number(last));
  const range = first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` };
  response.writeHead(first === undefined ? 200 : 206, { 'content-length': end - start + 1, ...range });
  createReadStream(path, { start, end })
    .on('error', () => response.destroy())
    .pipe(response);
}

/** Recordings that a real FFmpeg has written, behind a server that knows ranges and any page may read. */
class Recordings {
  readonly requests: string[] = [];
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((incoming, response) => {
      const name = basename(incoming.url ?? '');
      this.requests.push(name);
      response.setHeader('access-control-allow-origin', '*');
      if (existsSync(join(folder, name))) send(join(folder, name), incoming.headers.range, response);
      else response.writeHead(404).end();
    });
  }

  static async start(): Promise<Recordings> {
    const source = new Recordings(await mkdtemp(join(tmpdir(), 'sluice-recordings-')));
    const file = (name: string): string => join(source.#folder, name);
    const picture = ['-vf', 'scale=320:180', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0'];
    const clip = [
      '-v',
      'error',
      '-stream_loop',
      '-1',
      '-i',
      CLIP,
      '-t',
      String(FILM_SECONDS),
      '-r',
      String(FRAME_RATE),
    ];
    await run('ffmpeg', [...clip, ...picture, '-c:v', 'libx264', '-c:a', 'aac', file('film.mp4')]);
    await writeFile(file('key'), Buffer.alloc(16, 7));
    await writeFile(file('key.txt'), `key\n${file('key')}\n`);
    const write = (words: readonly string[], name: string): Promise<unknown> => {
      const output = ['-hls_time', '2', '-hls_list_size', '0', ...words, file(name)];
      return run('ffmpeg', ['-v', 'error', '-i', file('film.mp4'), '-c', 'copy', '-f', 'hls', ...output]);
    };
    const named = (name: string): string[] => ['-hls_segment_filename', file(name)];
    await write([...named('clear%d.ts')], 'clear.m3u8');
    await write([...named('secret%d.ts'), '-hls_key_info_file', file('key.txt')], 'secret.m3u8');
    await write([...named('all.ts'), '-hls_flags', 'single_file'], 'parts.m3u8');
    await source.#writeTwice();
    source.#server.listen(0, '127.0.60.9');
    await once(source.#server, 'listening');
    return source;
  }

  url(name: string): string {
    return `http://127.0.60.9:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true });
  }

  /** The end of the film, and then its beginning, with ad markers around the joint. */
  async #writeTwice(): Promise<void> {
    const [head = '', ...segments] = (await readFile(join(this.#folder, 'clear.m3u8'), 'utf8')).split('#EXTINF');
    const lines = segments.map((segment) => `#EXTINF${segment.replace('#EXT-X-ENDLIST\n', '')}`);
    const [end, beginning] = [lines.slice(-4), lines.slice(0, 4)];
    const joint = ['#EXT-X-CUE-OUT:8\n', '#EXT-X-DISCONTINUITY\n'];
    const text = [head, ...end, ...joint, ...beginning, '#EXT-X-ENDLIST\n'].join('');
    await writeFile(join(this.#folder, 'twice.m3u8'), text);
  }
}

interface Played {
  readonly frames: number;
  readonly playlist: MediaPlaylist;
}

/** What FFmpeg says at a break of its input, whoever sends it: it reads on as if there were none. */
const AT_A_BREAK = /^.*(?:Packet corrupt|corrupt input packet|non monotonically increasing dts).*\n/gm;

/** Plays a channel as FFmpeg does, from the first segment listed until its playlist ends. Fails on any warning. */
async function playToTheEnd(url: string): Promise<Played> {
  const polls: Poll[] = [];
  const input = ['-v', 'warning', '-nostdin', '-live_start_index', '0', '-i', url];
  const output = ['-fps_mode', 'passthrough', '-f', 'null', '-progress', '-', '-'];
  const player = run('ffmpeg', [...input, ...output], { timeout: 60_000 });
  for (let hasEnded = false; !hasEnded; ) {
    const answer = await request(url);
    const playlist = parseMediaPlaylist(await answer.body.text());
    polls.push({ playlist, atMilliseconds: performance.now() });
    hasEnded = playlist.ended;
    if (!hasEnded) await sleep(1_000);
  }
  const { stdout, stderr } = await player;
  const hasBreak = polls.some(({ playlist }) => playlist.entries.some(({ discontinuity }) => discontinuity));
  assert.equal(hasBreak ? stderr.replace(AT_A_BREAK, '') : stderr, '', `FFmpeg warns of nothing at ${url}`);
  assert.deepEqual(pollViolations(polls, ANY_RHYTHM), []);
  const playlist = polls.at(-1)?.playlist;
  assert.ok(playlist !== undefined && polls.length > 3, 'it is played, not listed at once');
  return { frames: Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0), playlist };
}

const CHANNELS = [
  { name: 'secret', playlist: 'secret.m3u8', mode: 'Proxy' },
  { name: 'parts', playlist: 'parts.m3u8', mode: 'Direct' },
  { name: 'whole', playlist: 'parts.m3u8', mode: 'Proxy' },
  { name: 'twice', playlist: 'twice.m3u8', mode: 'Proxy' },
] as const;

/** Recordings with AES-128, with parts of files, and with a break play through the edge, frame by frame, to their end. */
export async function recordings(link: LinkFolder): Promise<string> {
  const source = await Recordings.start();
  const edge = await EdgePrograms.start('127.0.60.4', await freePorts(), link);
  try {
    const routes = CHANNELS.map(({ name, playlist, mode }) =>
      testRoute(source.url(playlist), {
        name,
        uid: `${name}-0000`,
        mode,
        ladder: [],
        owners: [edge.owner],
        ownerTerm: 1,
      }),
    );
    edge.snapshot(routes);
    const urlOf = (name: string): string => `${edge.url}/live/default/${name}/source.m3u8`;
    await until('the channels are known', 60, async () => (await request(urlOf('secret'))).statusCode === 200);
    const secretUrl = `${edge.url}/live/default/secret/index.m3u8`;
    const [played] = await Promise.all([
      Promise.all(CHANNELS.map(({ name }) => playToTheEnd(urlOf(name)))),
      playInBrowsers(secretUrl, FILM_SECONDS),
    ]);
    for (const [index, { frames }] of played.entries()) {
      const name = CHANNELS[index]?.name;
      // A picture at the break may be one that FFmpeg takes for broken.
      const fewest = FILM_SECONDS * FRAME_RATE - (name === 'twice' ? 1 : 0);
      assert.ok(frames >= fewest && frames <= FILM_SECONDS * FRAME_RATE, `${frames} frames of ${name}`);
    }
    const [secret, parts, whole, twice] = played.map(({ playlist }) => playlist.entries);
    assert.ok(secret?.every(({ keys, uri }) => keys[0]?.includes(source.url('key')) && uri.startsWith('s/')));
    assert.ok(parts?.every(({ byteRange, uri }) => byteRange !== null && uri === source.url('all.ts')));
    assert.ok(whole?.every(({ byteRange, uri }) => byteRange === null && uri.startsWith('s/')));
    assert.deepEqual(
      twice?.map(({ discontinuity, markers }) => [discontinuity, markers.length]).filter(([one]) => one),
      [[true, 1]],
    );
    return `${played[0]?.frames} frames each in FFmpeg; AES-128 in hls.js and Shaka Player, too`;
  } catch (error) {
    process.stdout.write(edge.log);
    throw error;
  } finally {
    await edge.stop();
    await source.stop();
  }
}
