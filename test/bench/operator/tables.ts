import { type Measurement, percentile } from '../statistics.ts';
import type { ColdStart } from './cold-start.ts';
import { machineTimeText } from './machine-time.ts';
import type { SteadyState } from './steady-state.ts';

/** What a cold start of so many Channels may take, at most. */
const GOALS: Readonly<Record<number, { readonly seconds: number; readonly megabytes: number }>> = {
  1000: { seconds: 30, megabytes: 220 },
  10000: { seconds: 300, megabytes: 450 },
};
/** Seconds of the operator against those of the bare client, at most. */
const RATIO_GOAL = 1.3;

/** What a cold start came to, each figure beside its goal and the bare client's of the same run. */
export function coldStartRows(start: ColdStart): Measurement[] {
  const { channels, seconds, usage, machine, bare } = start;
  const goal = GOALS[channels];
  const what = `${channels} Channels, a fifth of them in Transcode:`;
  return [
    {
      what: `${what} cold start until all is as asked`,
      measured: `${seconds.toFixed(1)} s`,
      reference: `${goalOf(goal?.seconds, 's')}bare client with the same writes ${bare.seconds.toFixed(1)} s`,
    },
    {
      what: `${what} that time against the bare client's`,
      measured: (seconds / bare.seconds).toFixed(2),
      reference: `goal ${RATIO_GOAL}`,
    },
    {
      what: `${what} highest resident memory`,
      measured: megabytes(usage.peakBytes),
      reference: `${goalOf(goal?.megabytes, 'MB')}afterwards ${megabytes(usage.residentBytes)}`,
    },
    {
      what: `${what} CPU for each write`,
      measured: `${perWrite(usage.cpuSeconds, start).toFixed(2)} ms`,
      reference: `bare client ${perWrite(bare.cpuSeconds, start).toFixed(2)} ms`,
    },
    {
      what: `${what} the machine meanwhile`,
      measured: machineTimeText(machine.operator),
      reference: `bare client: ${machineTimeText(machine.bare)}`,
    },
  ];
}

/** What a steady state came to, each figure beside its goal and a reference of the same run: the start's bare client. */
export function steadyRows(steady: SteadyState, start: ColdStart): Measurement[] {
  const { channels, writes, decisionMilliseconds } = steady;
  const what = `${channels} busy Channels:`;
  const p50 = percentile(decisionMilliseconds, 0.5).toFixed(1);
  const p99 = percentile(decisionMilliseconds, 0.99).toFixed(1);
  const all = Object.values(writes).reduce((sum, rate) => sum + rate, 0);
  const bareShare = (perWrite(start.bare.cpuSeconds, start) / 1000) * all;
  return [
    {
      what: `${what} CPU`,
      measured: percentOf(steady.cpuShare),
      reference: `goal 5 %; bare client for as many writes ${percentOf(bareShare)}; API server meanwhile ${percentOf(steady.apiServerCpuShare)}`,
    },
    {
      what: `${what} writes`,
      measured: `${all.toFixed(1)} /s`,
      reference: `goal 20 /s; ${writes.channelStatuses.toFixed(1)} statuses of Channels, ${writes.otherPatches.toFixed(1)} of sessions and the Lease, ${writes.posts.toFixed(1)} events, ${writes.deletes.toFixed(1)} deletions`,
    },
    { what: `${what} resident memory`, measured: megabytes(steady.residentBytes), reference: '' },
    {
      what: `${what} an edge's word -> route that answers it`,
      measured: `median ${p50} ms, p99 ${p99} ms of ${decisionMilliseconds.length}`,
      reference: 'goal p99 250 ms',
    },
  ];
}

/** How everything grows with the number of Channels, one line each. */
export function growthTable(starts: readonly ColdStart[]): string {
  const titles = [
    'Channels',
    'converged s (goal)',
    'bare client s',
    `ratio (${RATIO_GOAL})`,
    'peak MB (goal)',
    'resident MB',
    'CPU s',
    'bare client CPU s',
    'writes: Channel status + session status + events',
    'CPU ms per write',
  ];
  const lines = starts.map((start) => {
    const { channels, seconds, bare, usage, writes } = start;
    const goal = GOALS[channels];
    return row([
      String(channels),
      `${seconds.toFixed(1)} (${goal?.seconds ?? '-'})`,
      bare.seconds.toFixed(1),
      (seconds / bare.seconds).toFixed(2),
      `${(usage.peakBytes / 1e6).toFixed(0)} (${goal?.megabytes ?? '-'})`,
      (usage.residentBytes / 1e6).toFixed(0),
      usage.cpuSeconds.toFixed(1),
      bare.cpuSeconds.toFixed(1),
      `${writes.channelStatuses} + ${writes.sessionStatuses} + ${writes.events}`,
      perWrite(usage.cpuSeconds, start).toFixed(2),
    ]);
  });
  return [row(titles), `|${'---|'.repeat(titles.length)}`, ...lines].join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function goalOf(value: number | undefined, unit: string): string {
  return value === undefined ? '' : `goal ${value} ${unit}; `;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function percentOf(share: number): string {
  return `${(share * 100).toFixed(1)} % of a core`;
}

function perWrite(cpuSeconds: number, { writes }: ColdStart): number {
  return (cpuSeconds * 1000) / (writes.channelStatuses + writes.sessionStatuses + writes.events);
}
