import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { pollViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { NO_LONGER, throughAllModes } from './all-modes.ts';
import { endingWithParent } from './ending-with-parent.ts';
import { ANY_RHYTHM, decode, poll, text } from './playing.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from './programs.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const FILM = '/live/default/film';
const run = promisify(execFile);

/** Live HLS of fragmented MP4 that a real FFmpeg writes, behind a server that any page may read. */
class FragmentedSource {
  readonly requests: string[] = [];
  readonly #folder: string;
  readonly #server: Server;
  #encoder: ChildProcess | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((incoming, response) => {
      const name = basename(incoming.url ?? '');
      this.requests.push(name);
      const path = join(folder, name);
      response.setHeader('access-control-allow-origin', '*');
      if (existsSync(path))
        createReadStream(path)
          .on('error', () => response.destroy())
          .pipe(response);
      else response.writeHead(404).end();
    });
  }

  /** @param words what FFmpeg does with the clip's streams */
  static async start(words: readonly string[]): Promise<FragmentedSource> {
    const source = new FragmentedSource(await mkdtemp(join(tmpdir(), 'sluice-source-')));
    const folder = source.#folder;
    await chmod(folder, 0o755);
    const input = join(folder, 'film.mp4');
    const picture = ['-vf', 'scale=320:180', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0'];
    await run('ffmpeg', ['-v', 'error', '-i', CLIP, '-t', '4', '-r', '25', ...picture, ...NO_LONGER, ...words, input]);
    const output = ['-hls_time', '2', '-hls_list_size', '8', '-hls_delete_threshold', '12'];
    const flags = ['-hls_flags', 'delete_segments+program_date_time+temp_file'];
    const endless = ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', input, '-c', 'copy', '-f', 'hls'];
    const names = ['-hls_segment_type', 'fmp4', '-hls_segment_filename', join(folder, '%d.m4s')];
    const all = [...endless, ...output, ...flags, ...names, join(folder, 'index.m3u8')];
    const [command, ...rest] = endingWithParent(['ffmpeg', ...all]);
    source.#encoder = spawn(command, rest, { stdio: 'ignore' });
    source.#server.listen(0, '127.0.60.8');
    await once(source.#server, 'listening');
    await until('the source has five segments', 40, () => existsSync(join(folder, '4.m4s')));
    return source;
  }

  get url(): string {
    return `http://127.0.60.8:${(this.#server.address() as AddressInfo).port}/index.m3u8`;
  }

  read(name: string): Promise<Buffer> {
    return readFile(join(this.#folder, name));
  }

  async stop(): Promise<void> {
    if (this.#encoder?.exitCode === null && this.#encoder.signalCode === null) {
      this.#encoder.kill('SIGKILL');
      await once(this.#encoder, 'exit');
    }
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true });
  }
}

/** Decodes what a playlist lists as one file: its section, then its segments. @returns frames; fails on any warning */
async function decodeFile(playlistUrl: string): Promise<number> {
  const { entries } = parseMediaPlaylist(await text(playlistUrl));
  const folder = await mkdtemp(join(tmpdir(), 'sluice-film-'));
  try {
    const names = [entries[0]?.mapUri ?? 'none', ...entries.map(({ uri }) => uri)];
    const parts = await Promise.all(
      names.map(async (name) => (await request(new URL(name, playlistUrl))).body.bytes()),
    );
    await writeFile(join(folder, 'film.mp4'), Buffer.concat(parts));
    const words = ['-v', 'warning', '-nostdin', '-i', join(folder, 'film.mp4'), '-f', 'null', '-progress', '-', '-'];
    const { stdout, stderr } = await run('ffmpeg', words, { timeout: 60_000 });
    assert.equal(stderr, '', 'FFmpeg warns of nothing');
    return Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is to be seen of a source. */
interface Expected {
  readonly codecs: RegExp;
  /** Why it cannot be transcoded; null: it is. */
  readonly obstacle: string | null;
}

/** Half as high as the source. */
const LADDER = [{ name: '90p', height: 90, bitrateBps: 200_000 }];

async function plays(link: LinkFolder, words: readonly string[], { codecs, obstacle }: Expected): Promise<string> {
  const source = await FragmentedSource.start(words);
  const edge = await EdgePrograms.start('127.0.60.4', await freePorts(), link);
  try {
    const route = testRoute(source.url, { owners: [edge.owner], ownerTerm: 1, mode: 'Proxy', ladder: LADDER });
    edge.snapshot([route]);
    const url = `${edge.url}${FILM}/90p.m3u8`;
    await until('the channel plays', 60, async () => (await request(url)).statusCode === 200);
    assert.match(await text(`${edge.url}${FILM}/index.m3u8`), codecs);
    const [frames, polls] = await Promise.all([decode(url, 10), poll(url, 12)]);
    assert.deepEqual(pollViolations(polls, ANY_RHYTHM), []);
    assert.ok(frames >= 245, `${frames} frames in 10 s`);
    const whole = await decodeFile(url);
    assert.ok(whole >= 50 * 6, `${whole} frames in the window`);
    const entries = polls.at(-1)?.playlist.entries ?? [];
    const map = entries[0]?.mapUri ?? 'none';
    const init = Buffer.from(await (await request(`${edge.url}${FILM}/${map}`)).body.arrayBuffer());
    assert.ok(init.equals(await source.read('init.mp4')), "the map is the source's, byte by byte");
    const served = await request(`${edge.url}${FILM}/${entries.at(-1)?.uri}`);
    assert.deepEqual([served.statusCode, served.headers['content-type']], [200, 'video/mp4']);
    await served.body.dump();
    const media = source.requests.filter((name) => /^\d+\.m4s$/.test(name));
    assert.ok(media.length - new Set(media).size <= 1, 'each segment leaves the source once, but for the probe');
    assert.equal(
      source.requests.filter((name) => name === 'init.mp4').length,
      2,
      'the probe, and once for all segments',
    );
    const report = edge.operator.received.findLast(({ type }) => type === 'report');
    assert.ok(report?.type === 'report');
    assert.equal(report.report.transcodeObstacle?.reason ?? null, obstacle);
    if (obstacle === null) {
      const all = { edge, route, url: `${edge.url}${FILM}`, sourceUrl: source.url, rungs: ['source', '90p'] };
      return `${frames} frames live, ${whole} as a file, then\n  ${await throughAllModes(all)}`;
    }
    edge.operator.send({ type: 'route', route: { ...route, mode: 'Direct' } });
    await until(
      'new entries name the source',
      60,
      async () => (await text(url)).trimEnd().endsWith('.m4s') && /http:.*\.m4s\n$/.test(await text(url)),
    );
    assert.deepEqual(pollViolations([...polls, ...(await poll(url, 4))], ANY_RHYTHM), []);
    return `${frames} frames live, ${whole} as a file`;
  } catch (error) {
    process.stdout.write(edge.log);
    throw error;
  } finally {
    await edge.stop();
    await source.stop();
  }
}

/**
 * Audio and video in the same segments. Without B-frames: of those Shaka Player loses the last pictures of each such segment,
 * also where it plays the source itself.
 */
export function muxed(link: LinkFolder): Promise<string> {
  return plays(link, ['-c:v', 'libx264', '-bf', '0', '-c:a', 'aac'], { codecs: /source\.m3u8/, obstacle: null });
}

/** No sound, and pictures that no rung could be joined with. */
export function silentHevc(link: LinkFolder): Promise<string> {
  const words = ['-an', '-c:v', 'libx265', '-x265-params', 'log-level=error:keyint=50:scenecut=0', '-tag:v', 'hvc1'];
  return plays(link, words, { codecs: /CODECS="hvc1\.[^,"]+"\n90p/, obstacle: 'VideoCodec' });
}
