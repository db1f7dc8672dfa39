import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endingWithParent } from './ending-with-parent.ts';
import { until } from './programs.ts';

const run = promisify(execFile);

/** Debian's user without rights: VLC refuses to run as root. */
const NOBODY = 65_534;

/** Modules of VLC that are about this machine, which may have neither screen, sound nor desktop, and not about the film. */
const MACHINE =
  /^\S+ (?:dbus|xcb|gl|vdpau|vaapi|lua|globalhotkeys|inhibit|main (?:libvlc|interface|audio output|window))/;
/** The first frame of AAC after a start has nothing before it. */
const FIRST_SOUND = /decoded zero sample/;
/**
 * What it says of the packets in front of the first segment of another origin, which tell it that packets are counted anew
 * (discontinuity_indicator): it takes note, and goes on without a loss.
 */
const JOINT = /ts demux (?:warning: discontinuity indicator|error: libdvbpsi error \(PSI decoder\): TS discontinuity)/;
/** What it says of every initialization section of fragmented MP4: it has an edit list, and no samples of its own. */
const SECTION =
  /mp4 demux warning: (?:elst box found|no chunk defined|STTS table of 0 entries|that media doesn't look interleaved)/;
/** The film is written without subtitles, for which MPEG-TS has no place. */
const NO_SUBTITLES = /mux warning: rejecting stream with unsupported codec wvtt|main mux error: cannot add this stream/;
/** What a busy machine shows too late is not lost by who sends it. */
const LATE = /picture is too late to be displayed/;
/** A machine that has no time for VLC: it read, decoded or wrote later than it meant to, whatever it was sent. */
const SLOW = /is called too late \(|computer too slow|late frames, dropping frame|late buffer for mux input/;
/** It gives itself more time from then on: all timestamps behind it are later by as much. */
const SHIFT = /is called too late \(pts_delay increased/;
/** Pictures around such a shift that do not follow the one before: B-frames are written in another order than shown. */
const STEPS_OF_A_SHIFT = 4;

/** What VLC counts of the stream that it plays. */
export interface VlcStatistics {
  readonly corrupted: number;
  readonly discontinuities: number;
}

/**
 * VLC while it plays one stream: decoded for a display and a loudspeaker that are none, and written into a file as it comes
 * out of the demuxer, picture by picture. So what a slow machine shows too late is not taken for lost.
 */
export class Vlc {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #ended: Promise<unknown>;
  #film: Buffer | null = null;
  #log = '';
  #answers = '';

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
    this.#ended = once(child, 'exit');
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#answers += text;
    });
  }

  /** @param url of a playlist; of a multivariant one the rendition of the highest bitrate is played */
  static async play(url: string): Promise<Vlc> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-vlc-'));
    await chmod(folder, 0o777);
    const file = `std{access=file,mux=ts,dst=${join(folder, 'film.ts')}}`;
    const outputs = ['--vout', 'vdummy', '--aout', 'adummy', '--sout', `#duplicate{dst=display,dst=${file}}`];
    const control = ['-I', 'oldrc', '--rc-fake-tty', '--no-color', '-vv'];
    const words = [...control, ...outputs, '--sout-all', '--adaptive-logic', 'highest', url];
    const [command, ...rest] = endingWithParent(['vlc', ...words]);
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    return new Vlc(
      folder,
      spawn(command, rest, { ...user, env: { PATH: process.env.PATH, HOME: folder }, stdio: 'pipe' }),
    );
  }

  /** URLs of the files that it has fetched, in order. */
  get fetched(): readonly string[] {
    return [...this.#log.matchAll(/adaptive demux debug: Retrieving (\S+)/g)].map(([, url = '']) => url);
  }

  /** Its errors and warnings, without those about the machine and about changes of origin. */
  get troubles(): readonly string[] {
    const lines = this.#log.split('\n').filter((line) => / (?:error|warning): /.test(line));
    return lines.filter(
      (line) => ![MACHINE, FIRST_SOUND, JOINT, SECTION, NO_SUBTITLES, LATE, SLOW].some((usual) => usual.test(line)),
    );
  }

  /** Pictures that this machine had decoded too late for its display. */
  get latePictures(): number {
    return this.#log.match(new RegExp(LATE, 'g'))?.length ?? 0;
  }

  /** Pictures that may not follow the one before because this machine was so late that VLC moved its clock. */
  get shiftedPictures(): number {
    return STEPS_OF_A_SHIFT * (this.#log.match(new RegExp(SHIFT, 'g'))?.length ?? 0);
  }

  /** Everything that it has written. */
  get log(): string {
    return this.#log;
  }

  /** Whether it does not play any more, because the stream is over for it or it has failed. */
  get hasEnded(): boolean {
    return (
      this.#child.exitCode !== null || this.#answers.includes('play state: 4') || this.#answers.includes('stop state')
    );
  }

  async statistics(): Promise<VlcStatistics> {
    this.#child.stdin?.write('stats\n');
    await until('VLC tells its statistics', 30, () => this.#answers.includes('end of statistical info'));
    const value = (name: string): number => Number(new RegExp(`${name} *: *(\\d+)`).exec(this.#answers)?.[1]);
    return { corrupted: value('demux corrupted'), discontinuities: value('discontinuities') };
  }

  /** Lines of the pictures that have come out of its demuxer so far and can be decoded, each time they became others. */
  async lines(): Promise<readonly number[]> {
    const words = ['-v', 'quiet', '-select_streams', 'v:0', '-show_entries', 'frame=height', '-of', 'csv=p=0'];
    // It is still being written: what cannot be read yet is no fault.
    const ended = await run('ffprobe', [...words, join(this.#folder, 'film.ts')], { maxBuffer: 10_000_000 }).catch(
      () => null,
    );
    const heights = [...(ended?.stdout ?? '').matchAll(/^\d+/gm)].map(([text]) => Number(text));
    return heights.filter((height, index) => height !== heights[index - 1]);
  }

  /** Ends it. @returns the film that came out of its demuxer, MPEG-TS */
  async stop(): Promise<Buffer> {
    if (this.#film !== null) return this.#film;
    if (this.#child.exitCode === null) this.#child.stdin?.write('quit\n');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#ended;
    clearTimeout(late);
    this.#film = await readFile(join(this.#folder, 'film.ts')).catch(() => Buffer.alloc(0));
    await rm(this.#folder, { recursive: true });
    return this.#film;
  }
}

/** Pictures of a film, and the steps between two of them that are not those of 25 per second: all in ms. */
export interface PictureSteps {
  readonly pictures: number;
  readonly odd: readonly { readonly at: number; readonly step: number }[];
}

/** Looks at the timestamps of pictures; the last ones are left out, which were being written when the player ended. */
export async function pictureSteps(film: Buffer): Promise<PictureSteps> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-pictures-'));
  try {
    await writeFile(join(folder, 'film.ts'), film);
    const words = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=pts', '-of', 'csv=p=0'];
    const { stdout } = await run('ffprobe', [...words, join(folder, 'film.ts')], { maxBuffer: 10_000_000 });
    const ticks = new Set([...stdout.matchAll(/^\d+/gm)].map(([text]) => Number(text)));
    const times = [...ticks].sort((one, other) => one - other).slice(0, -UNFINISHED_PICTURES);
    const steps = times.slice(1).map((at, index) => ({ at: at / 90, step: (at - (times[index] ?? 0)) / 90 }));
    return { pictures: times.length, odd: steps.filter(({ step }) => Math.abs(step - STEP_MILLISECONDS) > 1) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const STEP_MILLISECONDS = 40;
/** More than the reordering of two B-frames. */
const UNFINISHED_PICTURES = 8;
