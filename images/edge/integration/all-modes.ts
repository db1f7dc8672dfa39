import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Mode } from '@sluice/common/link/mode.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { launchChromium, openProbedPage, readSample, servePlayerPages } from '@sluice/test/browser/chromium.ts';
import { accountLine, faultsOf, reportOf } from '@sluice/test/browser/playback-report.ts';
import { type Poll, pollViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { AgentProgram } from '@sluice/transcoder/integration/program.ts';
import { ANY_RHYTHM, type DecodedPicture, decodeUntil, text } from './playing.ts';
import { type EdgePrograms, until } from './programs.ts';
import { TOKEN } from './stage.ts';

/** Frames per second of the film. */
const FRAME_RATE = 25;
/** How long each mode is listed: three segments. */
const MODE_MS = 6_000;
/** How far players are behind the newest segment, and two segments more. */
const BEHIND_MS = 12_000;
const PLAYERS = ['hls', 'shaka'] as const;
const VIEWPORT = { width: 320, height: 240 };

/**
 * Words for FFmpeg, behind its input, for a film that goes on without a seam where it is played again and again: 375 frames of
 * AAC at 48 kHz are as long as its pictures. One of four seconds overlaps with itself by half a frame of AAC, where Shaka Player
 * has a hole.
 */
export const SEAMLESS = ['-t', '8', '-frames:a', '375'] as const;

/** What is taken through all modes. */
export interface Played {
  readonly edge: EdgePrograms;
  /** Whose ladder is transcoded; its channel plays. */
  readonly route: Route;
  /** URL of the channel, without a slash at the end. */
  readonly url: string;
  /** The source itself, which the same players play at the same time, without any switch. */
  readonly sourceUrl: string;
  /** Rungs whose playlists are read all the time, of the same time each. */
  readonly rungs: readonly string[];
}

function reportIn(edge: EdgePrograms): OwnerReport | null {
  const message = edge.operator.received.findLast(({ type }) => type === 'report');
  return message?.type === 'report' ? message.report : null;
}

/** Reads the playlists of rungs until it is told to end. */
class Watcher {
  readonly polls = new Map<string, Poll[]>();
  readonly #reading: Promise<void>;
  #ends = false;

  constructor(url: string, rungs: readonly string[]) {
    for (const rung of rungs) this.polls.set(rung, []);
    this.#reading = this.#read(url);
    // Whoever ends it hears of it.
    this.#reading.catch(() => undefined);
  }

  /** Throws where a playlist could not be read. */
  async end(): Promise<void> {
    this.#ends = true;
    await this.#reading;
  }

  async #read(url: string): Promise<void> {
    while (!this.#ends) {
      for (const [rung, polls] of this.polls) {
        const playlist = parseMediaPlaylist(await text(`${url}/${rung}.m3u8`));
        polls.push({ playlist, atMilliseconds: performance.now() });
      }
      await sleep(500);
    }
  }
}

/** Switches the channel, and waits until it shows the mode. */
async function goTo({ edge, route }: Played, mode: Mode, session: Route['session']): Promise<void> {
  edge.operator.send({ type: 'route', route: { ...route, mode, session } });
  await until(`the channel shows ${mode}`, 60, () => reportIn(edge)?.activeMode === mode);
  await sleep(MODE_MS);
}

/** The session of a transcode of these rungs, as the operator puts it into a route. */
export function sessionOf(ladder: Route['ladder']): NonNullable<Route['session']> {
  const tokenSha256 = createHash('sha256').update(TOKEN).digest('hex');
  return { name: 'film-1', uid: 'session-uid', tokenSha256, rungs: ladder.map(({ name }) => name) };
}

/**
 * Runs something beside the agent that works for the session of {@link sessionOf} at an edge, and ends the agent whatever
 * comes of it; its log is shown where that fails.
 */
export async function withAgent<T>(edge: EdgePrograms, ladder: Route['ladder'], run: () => Promise<T>): Promise<T> {
  const rungs = ladder.map((rung) => ({ ...rung, audioBitrateBps: 64_000 }));
  const owner = { url: `http://${edge.address}:${edge.ports.internal}`, token: TOKEN };
  const agent = await AgentProgram.start(owner, { rungs, encoders: ['libx264'], preset: 'ultrafast' });
  try {
    return await run();
  } catch (error) {
    process.stdout.write(agent.log);
    throw error;
  } finally {
    agent.signal('SIGTERM');
    await agent.exited;
  }
}

async function switchThrough(played: Played): Promise<void> {
  const { edge, route } = played;
  await sleep(MODE_MS);
  await goTo(played, 'Proxy', null);
  await withAgent(edge, route.ladder, async () => {
    await goTo(played, 'Transcode', sessionOf(route.ladder));
    await goTo(played, 'Proxy', sessionOf(route.ladder));
  });
  await goTo(played, 'Direct', null);
  await sleep(BEHIND_MS);
}

/** Initialization sections that a rung names one after the other: of which rung of ours each is, or the source's. */
function sectionsOf(polls: readonly Poll[]): readonly string[] {
  const byNumber = new Map(polls.flatMap(({ playlist }) => playlist.entries.map((entry) => [entry.msn, entry.mapUri])));
  const rungs = [...byNumber]
    .sort(([one], [other]) => one - other)
    .map(([, map]) => (map?.startsWith('s/') === true ? (map.split('/')[2] ?? '') : 'Direct'));
  return rungs.filter((rung, index) => rung !== rungs[index - 1]);
}

type Page = Awaited<ReturnType<typeof openProbedPage>>;

/** A player's page that plays the channel, and one of the same kind that plays the source itself at the same time. */
interface Pair {
  readonly player: string;
  readonly page: Page;
  readonly reference: Page;
}

/** @returns lines of figures; fails where a player does worse than with the source itself */
async function judge(pairs: readonly Pair[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { player, page, reference } of pairs) {
    const plain = reportOf(await readSample(reference), FRAME_RATE);
    const report = reportOf(await readSample(page), FRAME_RATE);
    lines.push(accountLine(player, report), accountLine(`${player}, the source`, plain));
    assert.deepEqual(faultsOf(report, plain), [], lines.join('\n'));
  }
  return lines;
}

/**
 * Fails where FFmpeg has missed a picture, or has not seen the source, the rung and the source again.
 * @returns what was seen, in words
 */
function judgeDecoded(pictures: readonly DecodedPicture[]): string {
  const [first, last] = [pictures[0], pictures.at(-1)];
  assert.ok(first !== undefined && last !== undefined, 'FFmpeg shows pictures');
  const sizes = pictures.map(({ bytes }) => bytes).filter((bytes, index, all) => bytes !== all[index - 1]);
  assert.ok(
    sizes.length === 3 && sizes[0] === sizes[2],
    `FFmpeg shows source, rung, source: pictures of ${sizes} bytes`,
  );
  const expected = Math.round(((last.pts - first.pts) / 90_000) * FRAME_RATE) + 1;
  assert.equal(pictures.length, expected, 'FFmpeg shows every picture');
  return `FFmpeg ${pictures.length} of ${expected} frames`;
}

/** Fails where a poll breaks a rule, or the rung's sections are not those of the modes. */
function checkPolls(polls: ReadonlyMap<string, readonly Poll[]>, rung: string): void {
  for (const [name, all] of polls) {
    assert.deepEqual(pollViolations(all, ANY_RHYTHM), [], name);
    const entries = all.flatMap(({ playlist }) => playlist.entries);
    const breaks = entries.filter(({ discontinuity }) => discontinuity).map(({ msn, uri }) => `${msn} ${uri}`);
    assert.deepEqual([...new Set(breaks)], [], `${name} has no discontinuity`);
  }
  const sections = sectionsOf(polls.get(rung) ?? []).slice(-5);
  assert.deepEqual(sections, ['Direct', 'source', rung, 'source', 'Direct']);
}

/**
 * Takes a channel through Direct, Proxy, Transcode by a real agent, and back, while FFmpeg, hls.js and Shaka Player play the
 * lowest rung of its ladder. Fails where a playlist breaks a rule, FFmpeg warns, or a player shows anything but every frame of
 * one unbroken stretch of film, as far as it shows the source itself so at the same time.
 *
 * @returns what was seen, in words
 */
export async function throughAllModes(played: Played): Promise<string> {
  const { route, url, sourceUrl, rungs } = played;
  const rung = route.ladder.at(-1);
  assert.ok(rung !== undefined);
  await goTo(played, 'Direct', null);
  const [browser, pages] = [await launchChromium({}), await servePlayerPages()];
  const watcher = new Watcher(url, rungs);
  const open = (player: string, streamUrl: string, more = ''): Promise<Page> => {
    const pageUrl = `${pages.url}/${player}.html?url=${encodeURIComponent(streamUrl)}${more}`;
    return openProbedPage(browser, pageUrl, { viewport: VIEWPORT });
  };
  try {
    const pairs = await Promise.all(
      PLAYERS.map(async (player) => {
        const reference = await open(player, sourceUrl);
        return { player, reference, page: await open(player, `${url}/index.m3u8`, `&height=${rung.height}`) };
      }),
    );
    const rungUrl = `${url}/${rung.name}.m3u8`;
    const switching = switchThrough(played);
    const both = [decodeUntil(rungUrl, switching), switching] as const;
    // Each to its own end: whoever still switches needs the edge.
    await Promise.allSettled(both);
    const [pictures] = await Promise.all(both);
    await watcher.end();
    checkPolls(watcher.polls, rung.name);
    return [judgeDecoded(pictures), ...(await judge(pairs))].join('\n  ');
  } finally {
    await watcher.end().catch(() => undefined);
    await browser.close();
    pages.close();
  }
}
