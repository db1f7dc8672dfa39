import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Crowd } from '../../viewer/crowd.ts';
import { OwnLateness } from '../../viewer/own-lateness.ts';
import { parseMachineTime, usageOf } from '../process-usage.ts';
import { markdownTable } from '../statistics.ts';
import { startAudience } from './audience.ts';
import { type EdgeSubject, startEdgeSubject } from './edge-subject.ts';
import { SMALL_SEGMENTS, startOrigin } from './origin-process.ts';
import { cpuSecondsByGroup, descriptorsOf } from './processes.ts';
import type { Started } from './subject.ts';

/** One row of the table of growth. */
export interface Growth {
  readonly viewers: number;
  readonly channels: number;
  /** Of a core, in percent. */
  readonly nginxPercent: number;
  readonly sidecarPercent: number;
  /** CPU of everything that runs there, of all cores: at 100 the viewers, who are programs of the same machine, starve. */
  readonly machinePercent: number;
  /** What has come of the film that viewers were to get while it was measured. */
  readonly deliveredPercent: number;
  readonly sidecarMegabytes: number;
  /** What of it is no file's: the text of Node.js and of libraries is shared by all processes of a node. */
  readonly sidecarOwnMegabytes: number;
  readonly descriptors: number;
  readonly stalls: number;
  /** Those of the stalls for which the viewers' own process was late. */
  readonly ownStalls: number;
  readonly problems: number;
  readonly lastProblem: string;
}

/** Rows of the table by the edge that they are measured at: one that knows as many channels as are watched. */
const SIZES: Readonly<Record<number, readonly number[]>> = { 1: [10, 100, 1000, 10_000], 100: [1000], 1000: [1000] };
/** Loopback address of the edges. */
const ADDRESS = '127.0.70.3';
/** Everybody is there after this at the latest, or when as many have come per second as the machine can open connections and channels for. */
const ARRIVAL_SECONDS = 6;
const MOST_ARRIVALS_PER_SECOND = 500;
const MOST_CHANNELS_PER_SECOND = 25;
const SETTLE_SECONDS = 4;
/** Twice the length of a segment: everybody asks for two. */
const MEASURE_SECONDS = 2 * SMALL_SEGMENTS.seconds;

/** CPU and memory of an edge as viewers and channels grow, with heartbeats. @param onRow told of each row at once */
export async function measureGrowth(root: string, started: Started, onRow: (row: Growth) => void): Promise<void> {
  for (const [text, sizes] of Object.entries(SIZES)) {
    const channels = Number(text);
    const own = started.part();
    const originUrl = await startOrigin(own, SMALL_SEGMENTS);
    const edge = await startEdgeSubject(own, ADDRESS, { root, originUrl, channels, workers: 2 });
    for (const viewers of sizes) {
      onRow(await measureOne(own, edge, viewers, channels));
    }
    await own.stop();
  }
}

async function measureOne(started: Started, edge: EdgeSubject, viewers: number, channels: number): Promise<Growth> {
  const arrivalSeconds = Math.max(
    ARRIVAL_SECONDS,
    viewers / MOST_ARRIVALS_PER_SECOND,
    channels / MOST_CHANNELS_PER_SECOND,
  );
  const arrivalsPerSecond = viewers / arrivalSeconds;
  const lateness = new OwnLateness();
  lateness.start();
  const crowds = startAudience(edge, { viewers, channels, arrivalsPerSecond, heartbeats: true, lateness });
  const stop = () => Promise.all(crowds.map((crowd) => crowd.stop()));
  started.add(crowds, stop);
  await started.sleep(arrivalSeconds + SETTLE_SECONDS);
  const look = () => lookAt(edge, crowds);
  const before = look();
  await started.sleep(MEASURE_SECONDS);
  const after = look();
  lateness.stop();
  const seconds = after.seconds - before.seconds;
  const percent = (pick: (one: Look) => number) => (100 * (pick(after) - pick(before))) / seconds;
  const reports = crowds.map((crowd) => crowd.report());
  const total = (pick: (report: (typeof reports)[number]) => number) =>
    reports.reduce((sum, report) => sum + pick(report), 0);
  const usage = await usageOf(edge.sidecarPid);
  const row = {
    viewers,
    channels,
    sidecarPercent: percent(({ sidecarSeconds }) => sidecarSeconds),
    nginxPercent: percent(({ nginxSeconds }) => nginxSeconds),
    machinePercent: percent(({ machineSeconds }) => machineSeconds) / availableParallelism(),
    deliveredPercent: percent(({ bytes }) => bytes) / ((viewers * SMALL_SEGMENTS.bytes) / SMALL_SEGMENTS.seconds),
    sidecarMegabytes: usage.residentBytes / 1e6,
    sidecarOwnMegabytes: usage.anonymousBytes / 1e6,
    descriptors: descriptorsOf(edge.sidecarPid),
    stalls: total(({ stalls }) => stalls),
    ownStalls: total(({ ownStalls }) => ownStalls),
    problems: total(({ problems }) => problems),
    lastProblem: reports.map(({ lastProblem }) => lastProblem).find((problem) => problem !== '') ?? '',
  };
  await stop();
  // What was under way ends; the next viewers come to a quiet edge.
  await started.sleep(SETTLE_SECONDS);
  return row;
}

/** What grows while it is measured. */
interface Look {
  readonly seconds: number;
  readonly sidecarSeconds: number;
  readonly nginxSeconds: number;
  readonly machineSeconds: number;
  readonly bytes: number;
}

function lookAt({ groups }: EdgeSubject, crowds: readonly Crowd[]): Look {
  const [sidecarSeconds = 0, nginxSeconds = 0] = cpuSecondsByGroup(groups);
  return {
    seconds: performance.now() / 1000,
    sidecarSeconds,
    nginxSeconds,
    machineSeconds: parseMachineTime(readFileSync('/proc/stat', 'utf8')),
    bytes: crowds.reduce((sum, crowd) => sum + crowd.report().bytes, 0),
  };
}

const COLUMNS: readonly (readonly [head: string, cell: (row: Growth) => string])[] = [
  ['viewers', ({ viewers }) => viewers.toLocaleString('en')],
  ['channels', ({ channels }) => channels.toLocaleString('en')],
  ['nginx', ({ nginxPercent }) => `${nginxPercent.toFixed(1)} %`],
  ['sidecar', ({ sidecarPercent }) => `${sidecarPercent.toFixed(1)} %`],
  ['whole machine', ({ machinePercent }) => `${machinePercent.toFixed(0)} % of its cores`],
  ['film delivered', ({ deliveredPercent }) => `${deliveredPercent.toFixed(0)} %`],
  ['its memory', ({ sidecarMegabytes }) => `${sidecarMegabytes.toFixed(0)} MB`],
  ['its own', ({ sidecarOwnMegabytes }) => `${sidecarOwnMegabytes.toFixed(0)} MB`],
  ['its descriptors', ({ descriptors }) => String(descriptors)],
  ['stalls', ({ stalls }) => stalls.toLocaleString('en')],
  ["viewers' own", ({ ownStalls }) => ownStalls.toLocaleString('en')],
  ['problems', ({ problems }) => problems.toLocaleString('en')],
];

/** A Markdown table. */
export function growthTable(rows: readonly Growth[]): string {
  return markdownTable(
    COLUMNS.map(([head]) => head),
    rows.map((row) => COLUMNS.map(([, cell]) => cell(row))),
  );
}

/** One row of it, in words. */
export function growthLine(row: Growth): string {
  const figures = COLUMNS.map(([head, cell]) => `${head} ${cell(row)}`).join(', ');
  return row.lastProblem === '' ? figures : `${figures}; the last problem: ${row.lastProblem}`;
}
