import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pollViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { NO_LONGER, throughAllModes } from './all-modes.ts';
import { ANY_RHYTHM, decode, poll, text } from './playing.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from './programs.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const FILM = '/live/default/film';
const ADDRESS = '127.0.60.9';
const run = promisify(execFile);

/** What a source is made of. */
interface SourceKind {
  readonly segments: 'fmp4' | 'mpegts';
  /** FFmpeg's var_stream_map of two pictures and two audio tracks. */
  readonly streams: string;
}

const SUBTITLES = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="Deutsch",LANGUAGE="de",URI="subs.m3u8"\n';

/** Live HLS of several renditions that a real FFmpeg writes; subtitles are made of the first one's numbers. */
class RenditionsSource {
  readonly requests: string[] = [];
  readonly #folder: string;
  readonly #server: Server;
  #encoder: ChildProcess | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((incoming, response) => {
      const path = (incoming.url ?? '').slice(1);
      this.requests.push(path);
      response.setHeader('access-control-allow-origin', '*');
      void this.#answer(path, response).catch(() => response.destroy());
    });
  }

  static async start({ segments, streams }: SourceKind): Promise<RenditionsSource> {
    const source = new RenditionsSource(await mkdtemp(join(tmpdir(), 'sluice-source-')));
    const folder = source.#folder;
    await chmod(folder, 0o755);
    const film = join(folder, 'film.mp4');
    const sizes = ['-filter_complex', '[0:v]split=2[a][b];[a]scale=320:180[high];[b]scale=160:90[low]'];
    const coding = ['-r', '25', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0', '-c:a', 'aac'];
    const maps = ['-map', '[high]', '-map', '[low]', '-map', '0:a', '-map', '0:a'];
    await run('ffmpeg', ['-v', 'error', '-i', CLIP, '-t', '4', ...sizes, ...maps, ...coding, ...NO_LONGER, film]);
    const output = [
      '-hls_time',
      '2',
      '-hls_list_size',
      '8',
      '-hls_delete_threshold',
      '12',
      '-master_pl_name',
      'main.m3u8',
    ];
    const flags = ['-hls_flags', 'delete_segments+program_date_time+temp_file', '-hls_segment_type', segments];
    source.#encoder = spawn(
      'ffmpeg',
      ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', film, '-map', '0', '-c', 'copy', '-f', 'hls']
        .concat(output, flags, ['-var_stream_map', streams])
        .concat('-hls_segment_filename', join(folder, `%v/%d.${segments === 'fmp4' ? 'm4s' : 'ts'}`))
        .concat(join(folder, '%v/index.m3u8')),
      { stdio: 'ignore' },
    );
    source.#server.listen(0, ADDRESS);
    await once(source.#server, 'listening');
    const fourth = segments === 'fmp4' ? '3.m4s' : '3.ts';
    await until('the source has four segments', 40, () => existsSync(join(folder, 'low', fourth)));
    return source;
  }

  get url(): string {
    return `http://${ADDRESS}:${(this.#server.address() as AddressInfo).port}/main.m3u8`;
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const file = join(this.#folder, path);
    if (path === 'main.m3u8') {
      const main = await readFile(file, 'utf8');
      response.end(
        main
          .replace('#EXT-X-STREAM-INF', `${SUBTITLES}#EXT-X-STREAM-INF`)
          .replaceAll(/(BANDWIDTH=.*)/g, '$1,SUBTITLES="subs"'),
      );
    } else if (path === 'subs.m3u8') {
      const high = await readFile(join(this.#folder, 'high/index.m3u8'), 'utf8');
      const lines = high.split('\n').filter((line) => !line.startsWith('#EXT-X-MAP'));
      response.end(lines.join('\n').replaceAll(/^(\d+)\.(?:m4s|ts)$/gm, '$1.vtt'));
    } else if (path.endsWith('.vtt')) {
      response.end('WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n');
    } else if (existsSync(file)) {
      createReadStream(file)
        .on('error', () => response.destroy())
        .pipe(response);
    } else {
      response.writeHead(404).end();
    }
  }

  async stop(): Promise<void> {
    if (this.#encoder?.exitCode === null) {
      this.#encoder.kill('SIGKILL');
      await once(this.#encoder, 'exit');
    }
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true });
  }
}

/** Of another height than the source's own pictures, by which players are told which one to play. */
const LADDER = [{ name: '72p', height: 72, bitrateBps: 150_000 }];
const RUNGS = ['source', 'source-90p', 'source-audio-1', 'source-audio-2', 'source-subtitles-1', '72p'] as const;

async function plays(link: LinkFolder, kind: SourceKind): Promise<string> {
  const source = await RenditionsSource.start(kind);
  const edge = await EdgePrograms.start('127.0.60.5', await freePorts(), link);
  try {
    const route = testRoute(source.url, { owners: [edge.owner], ownerTerm: 1, mode: 'Proxy', ladder: LADDER });
    edge.snapshot([route]);
    const urlOf = (rung: string): string => `${edge.url}${FILM}/${rung}.m3u8`;
    await until('the channel plays', 60, async () => (await request(urlOf('source'))).statusCode === 200);
    const main = await text(`${edge.url}${FILM}/index.m3u8`);
    assert.match(main, /TYPE=AUDIO.*LANGUAGE="en".*source-audio-1.*\n.*TYPE=AUDIO.*LANGUAGE="de".*source-audio-2/);
    assert.match(main, /TYPE=SUBTITLES.*source-subtitles-1/);
    const everything = ['0:v:0', '0:a:0', '0:a:1'];
    const [frames, ...polls] = await Promise.all([
      decode(`${edge.url}${FILM}/index.m3u8`, 5, everything),
      ...RUNGS.map((rung) => poll(urlOf(rung), 6)),
    ]);
    for (const polled of polls) assert.deepEqual(pollViolations(polled, ANY_RHYTHM), []);
    assert.ok(frames >= 120, `${frames} frames in 5 s`);
    const gaps = polls.flatMap((polled) => polled.at(-1)?.playlist.entries.filter(({ gap }) => gap) ?? []);
    assert.deepEqual(gaps, []);
    const media = source.requests.filter((name) => /\d+\.(?:m4s|ts|vtt)$/.test(name));
    assert.ok(media.length - new Set(media).size <= 5, 'each segment leaves the source once, but for the probe');
    if (kind.segments === 'fmp4') {
      const rungs = ['source', '72p', 'source-audio-1'];
      const all = { edge, route, url: `${edge.url}${FILM}`, sourceUrl: source.url, rungs };
      return `${frames} frames with two languages, then\n  ${await throughAllModes(all)}`;
    }
    edge.operator.send({ type: 'route', route: { ...route, mode: 'Direct' } });
    for (const rung of RUNGS) {
      await until(
        `new entries of ${rung} name the source`,
        60,
        async () =>
          parseMediaPlaylist(await text(urlOf(rung)))
            .entries.at(-1)
            ?.uri.startsWith('http:') === true,
      );
    }
    assert.equal(await decode(urlOf('source-90p'), 2), 50, 'the lower picture plays over the change to Direct');
    return `${frames} frames with two languages`;
  } catch (error) {
    process.stdout.write(edge.log);
    throw error;
  } finally {
    await edge.stop();
    await source.stop();
  }
}

/** CMAF: pictures and audio in fragmented MP4 apart, two languages, subtitles. */
export function cmaf(link: LinkFolder): Promise<string> {
  const audio = 'a:0,agroup:aud,default:yes,language:en,name:en a:1,agroup:aud,language:de,name:de';
  return plays(link, { segments: 'fmp4', streams: `v:0,agroup:aud,name:high v:1,agroup:aud,name:low ${audio}` });
}

/** MPEG-TS: pictures and audio apart, two languages, subtitles. */
export function transportStreams(link: LinkFolder): Promise<string> {
  const audio = 'a:0,agroup:aud,default:yes,language:en,name:en a:1,agroup:aud,language:de,name:de';
  return plays(link, { segments: 'mpegts', streams: `v:0,agroup:aud,name:high v:1,agroup:aud,name:low ${audio}` });
}
