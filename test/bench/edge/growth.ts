import { usageOf } from '../process-usage.ts';
import { startAudience } from './audience.ts';
import { type EdgeSubject, startEdgeSubject } from './edge-subject.ts';
import { SMALL_SEGMENT_BYTES, startOrigin } from './origin-process.ts';
import { cpuSecondsOf, descriptorsOf } from './processes.ts';
import type { Started } from './subject.ts';

/** One row of the table of growth. */
export interface Growth {
  readonly viewers: number;
  readonly channels: number;
  /** Of a core, in percent. */
  readonly nginxPercent: number;
  readonly sidecarPercent: number;
  readonly sidecarMegabytes: number;
  /** What of it is no file's: the text of Node.js and of libraries is shared by all processes of a node. */
  readonly sidecarOwnMegabytes: number;
  readonly descriptors: number;
  readonly stalls: number;
  readonly problems: number;
  readonly lastProblem: string;
}

/** Rows of the table by the edge that they are measured at: one that knows as many channels as are watched. */
const SIZES: Readonly<Record<number, readonly number[]>> = { 1: [10, 100, 1000, 10_000], 100: [1000], 1000: [1000] };
/** Loopback address of the edges. */
const ADDRESS = '127.0.70.3';
/** Everybody is there after this. */
const ARRIVAL_SECONDS = 6;
const SETTLE_SECONDS = 4;
const MEASURE_SECONDS = 8;

/** CPU and memory of an edge as viewers and channels grow, with heartbeats. @param onRow told of each row at once */
export async function measureGrowth(root: string, started: Started, onRow: (row: Growth) => void): Promise<Growth[]> {
  const rows: Growth[] = [];
  for (const [text, sizes] of Object.entries(SIZES)) {
    const channels = Number(text);
    const own = started.part();
    const originUrl = await startOrigin(own, SMALL_SEGMENT_BYTES);
    const edge = await startEdgeSubject(own, ADDRESS, { root, originUrl, channels, workers: 2 });
    for (const viewers of sizes) {
      const row = await measureOne(own, edge, viewers, channels);
      onRow(row);
      rows.push(row);
    }
    await own.stop();
  }
  return rows;
}

async function measureOne(started: Started, edge: EdgeSubject, viewers: number, channels: number): Promise<Growth> {
  const arrivalsPerSecond = viewers / ARRIVAL_SECONDS;
  const crowds = startAudience(edge, { viewers, channels, arrivalsPerSecond, heartbeats: true });
  const stop = () => Promise.all(crowds.map((crowd) => crowd.stop()));
  started.add(crowds, stop);
  await started.sleep(ARRIVAL_SECONDS + SETTLE_SECONDS);
  const [sidecar, nginx] = edge.groups.map((group) => () => cpuSecondsOf([group]));
  const before = [sidecar?.() ?? 0, nginx?.() ?? 0];
  const startedAt = performance.now();
  await started.sleep(MEASURE_SECONDS);
  const after = [sidecar?.() ?? 0, nginx?.() ?? 0];
  const seconds = (performance.now() - startedAt) / 1000;
  const percent = (index: number) => (100 * ((after[index] ?? 0) - (before[index] ?? 0))) / seconds;
  const reports = crowds.map((crowd) => crowd.report());
  const total = (pick: (report: (typeof reports)[number]) => number) =>
    reports.reduce((sum, report) => sum + pick(report), 0);
  const usage = await usageOf(edge.sidecarPid);
  const row = {
    viewers,
    channels,
    sidecarPercent: percent(0),
    nginxPercent: percent(1),
    sidecarMegabytes: usage.residentBytes / 1e6,
    sidecarOwnMegabytes: usage.anonymousBytes / 1e6,
    descriptors: descriptorsOf(edge.sidecarPid),
    stalls: total(({ stalls }) => stalls),
    problems: total(({ problems }) => problems),
    lastProblem: reports.map(({ lastProblem }) => lastProblem).find((problem) => problem !== '') ?? '',
  };
  await stop();
  return row;
}

/** A Markdown table. */
export function growthTable(rows: readonly Growth[]): string {
  const head =
    '| viewers | channels | nginx | sidecar | its memory | without text of programs | its descriptors | stalls | problems |';
  return [head, '|---|---|---|---|---|---|---|---|---|', ...rows.map(growthLine)].join('\n');
}

/** One row of it. */
export function growthLine(row: Growth): string {
  const cpu = `${row.nginxPercent.toFixed(1)} % | ${row.sidecarPercent.toFixed(1)} %`;
  const problems = row.problems === 0 ? '0' : `${row.problems}: ${row.lastProblem}`;
  const memory = `${row.sidecarMegabytes.toFixed(0)} MB | ${row.sidecarOwnMegabytes.toFixed(0)} MB | ${row.descriptors}`;
  return `| ${row.viewers} | ${row.channels} | ${cpu} | ${memory} | ${row.stalls} | ${problems} |`;
}
