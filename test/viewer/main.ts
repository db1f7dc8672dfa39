import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import { request } from 'undici';
import { MAX_VIEWERS, readCommand, type ViewersCommand } from './arguments.ts';
import { type Crowd, startCrowd } from './crowd.ts';

const HELP = `Virtual viewers, to see how a channel follows its audience.

usage: npm run viewers -- CHANNEL N [OPTION...]

  CHANNEL            <namespace>/<name>, e.g. demo/film; a bare name is in the namespace default
  N                  how many viewers, 1 to ${MAX_VIEWERS}

  --url URL          address of the edge, default http://127.0.0.1:8080: the page of npm start and npm run cluster
  --rung NAME        media playlist that they play, default source
  --playlists-only   fetch no segments: they count just the same, and cost hardly anything
  --heartbeats       send heartbeats as the viewer page does; then the edge also hears of it when they cannot reach
                     the source of a channel in Direct, and serves the segments itself
  --for SECONDS      leave by themselves after that time

Each plays like an HLS player: multivariant playlist, one media playlist once per target duration, each segment once.
Ctrl-C makes them leave.

environment:
  SLUICE_PORT        port of the page on 127.0.0.1, if not 8080
`;

const REFRESH_MILLISECONDS = 1000;
/** The rate is that of the last seconds: two segments even where the target duration is 6 s. */
const RATE_SECONDS = 12;
/** Where lines cannot be rewritten, every fifth is enough to follow. */
const LINES_BETWEEN = 5;

interface ChannelView {
  readonly mode: string;
  readonly viewerCount: number;
}

/** What the edge says about the channel, or why it says nothing. */
async function channelView({ edgeUrl, namespace, channel }: ViewersCommand): Promise<ChannelView | string> {
  try {
    const url = `${edgeUrl}/api/stream/${namespace}/${channel}/status`;
    const answer = await request(url, { headersTimeout: REFRESH_MILLISECONDS, bodyTimeout: REFRESH_MILLISECONDS });
    const body = (await answer.body.json()) as Partial<ChannelView> & { readonly error?: { readonly message: string } };
    const { mode, viewerCount } = body;
    if (mode === undefined || viewerCount === undefined) return body.error?.message ?? `status ${answer.statusCode}`;
    return { mode, viewerCount };
  } catch (error) {
    return `no answer from ${edgeUrl}: ${messageOf(error)}`;
  }
}

function progressLine(
  command: ViewersCommand,
  crowd: Crowd,
  view: ChannelView | string,
  bitsPerSecond: number,
): string {
  const { playing, problems, lastProblem } = crowd.report();
  const state = typeof view === 'string' ? view : `${view.mode}, ${view.viewerCount} in all`;
  const media = command.fetchesSegments ? `  ${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s` : '';
  const trouble = problems === 0 ? '' : `  problems ${problems}: ${lastProblem}`;
  return `${command.namespace}/${command.channel}  ${playing} of ${command.count} play  ${state}${media}${trouble}`;
}

/** Shows a line once a second until the signal is given: rewritten on a terminal, else every fifth. */
async function showProgress(command: ViewersCommand, crowd: Crowd, signal: AbortSignal): Promise<void> {
  const { isTTY } = process.stdout;
  // Bytes at the last seconds: segments come in bursts, one per target duration.
  const history = [0];
  for (let second = 0; !signal.aborted; second += 1) {
    await sleep(REFRESH_MILLISECONDS, undefined, { signal }).catch(() => {});
    history.push(crowd.report().bytes);
    if (history.length > RATE_SECONDS + 1) history.shift();
    const bytes = (history.at(-1) ?? 0) - (history[0] ?? 0);
    const bitsPerSecond = (bytes * 8000) / (REFRESH_MILLISECONDS * (history.length - 1));
    const line = progressLine(command, crowd, await channelView(command), bitsPerSecond);
    // \x1b[K clears what is left of a longer line; one that the terminal would break could not be rewritten.
    if (isTTY) process.stdout.write(`\r${line.slice(0, (process.stdout.columns || 80) - 1)}\x1b[K`);
    else if (second % LINES_BETWEEN === LINES_BETWEEN - 1) process.stdout.write(`${line}\n`);
  }
  if (isTTY) process.stdout.write('\n');
}

async function run(command: ViewersCommand): Promise<void> {
  const view = await channelView(command);
  if (typeof view === 'string') throw new Error(`${command.namespace}/${command.channel}: ${view}`);
  const stopped = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopped.abort());
  // Timers of Node hold at most 2^31 - 1 ms; who says no time stays until Ctrl-C.
  if (Number.isFinite(command.seconds)) setTimeout(() => stopped.abort(), command.seconds * 1000).unref();
  const crowd = startCrowd({ ...command, sessionPrefix: `viewers-${randomBytes(4).toString('hex')}` });
  await showProgress(command, crowd, stopped.signal);
  const left = await crowd.stop();
  const { segments, bytes, problems } = crowd.report();
  const media = command.fetchesSegments ? `; ${segments} segments, ${(bytes / 1e6).toFixed(1)} MB` : '';
  process.stdout.write(`${left} of ${command.count} viewers have left${media}; problems ${problems}\n`);
}

const words = process.argv.slice(2);
if (words.includes('--help')) process.stdout.write(HELP);
else {
  try {
    await run(readCommand(words, process.env.SLUICE_PORT));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n(npm run viewers -- --help tells how to call it)\n`);
    process.exitCode = 1;
  }
}
