import { ratioOf } from '../edge/turns.ts';
import { type Measurement, percentile } from '../statistics.ts';
import type { WriteCounts } from './bare-client.ts';
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

/** What cold starts came to, each figure beside its goal and the bare client's of the same run. */
export function coldStartRows(start: ColdStart): Measurement[] {
  const { channels, operator, bare } = start;
  const goal = GOALS[channels];
  const what = `${channels} Channels, a fifth of them in Transcode:`;
  const usages = operator.map(({ usage }) => usage);
  return [
    {
      what: `${what} cold start until all is as asked`,
      measured: `${secondsOf(operator)} s`,
      reference: `${goalOf(goal?.seconds, 's')}bare client with the same writes ${secondsOf(bare)} s`,
    },
    {
      what: `${what} that time against the bare client's`,
      measured: ratioText(start),
      reference: `goal ${RATIO_GOAL}`,
    },
    {
      what: `${what} highest resident memory`,
      measured: megabytes(Math.max(...usages.map(({ peakBytes }) => peakBytes))),
      reference: `${goalOf(goal?.megabytes, 'MB')}afterwards ${usages.map(({ residentBytes }) => megabytes(residentBytes)).join(' and ')}`,
    },
    {
      what: `${what} CPU for each write`,
      measured: `${operatorMsPerWrite(start).toFixed(2)} ms`,
      reference: `bare client ${bareMsPerWrite(start).toFixed(2)} ms`,
    },
    ...operator.map(({ machine }, index) => ({
      what: `${what} the machine meanwhile`,
      measured: machineTimeText(machine),
      reference: `bare client: ${bare[index] === undefined ? '-' : machineTimeText(bare[index].machine)}`,
    })),
  ];
}

/** What a steady state came to, each figure beside its goal and a reference of the same run: the start's bare client. */
export function steadyRows(steady: SteadyState, start: ColdStart): Measurement[] {
  const { channels, writes, decisionMilliseconds } = steady;
  const what = `${channels} busy Channels:`;
  const p50 = percentile(decisionMilliseconds, 0.5).toFixed(1);
  const p99 = percentile(decisionMilliseconds, 0.99).toFixed(1);
  const all = Object.values(writes).reduce((sum, rate) => sum + rate, 0);
  const bareShare = (bareMsPerWrite(start) / 1000) * all;
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
    `ratio (of each pair of turns; ${RATIO_GOAL})`,
    'peak MB (goal)',
    'resident MB',
    'CPU s',
    'bare client CPU s',
    'writes: Channel status + session status + events',
    'CPU ms per write',
  ];
  const lines = starts.map((start) => {
    const { channels, operator, bare } = start;
    const goal = GOALS[channels];
    const usages = operator.map(({ usage }) => usage);
    const writes = operator.map((run) => run.writes);
    return row([
      String(channels),
      `${secondsOf(operator)} (${goal?.seconds ?? '-'})`,
      secondsOf(bare),
      ratioText(start),
      `${(Math.max(...usages.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0)} (${goal?.megabytes ?? '-'})`,
      usages.map(({ residentBytes }) => (residentBytes / 1e6).toFixed(0)).join(' and '),
      usages.map(({ cpuSeconds }) => cpuSeconds.toFixed(1)).join(' and '),
      bare.map(({ cpuSeconds }) => cpuSeconds.toFixed(1)).join(' and '),
      writes
        .map(({ channelStatuses, sessionStatuses, events }) => `${channelStatuses} + ${sessionStatuses} + ${events}`)
        .join(' and '),
      operatorMsPerWrite(start).toFixed(2),
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

/** Of all turns, in their order. */
function secondsOf(turns: readonly { readonly seconds: number }[]): string {
  return turns.map(({ seconds }) => seconds.toFixed(1)).join(' and ');
}

function ratioText({ operator, bare }: ColdStart): string {
  const seconds = ({ seconds }: { readonly seconds: number }) => [seconds, 1] as const;
  const { whole, lowest, highest } = ratioOf({ subject: operator, reference: bare }, seconds);
  return operator.length === 1
    ? whole.toFixed(2)
    : `${whole.toFixed(2)} (${lowest.toFixed(2)} to ${highest.toFixed(2)})`;
}

function operatorMsPerWrite({ operator }: ColdStart): number {
  return (sumOf(operator, ({ usage }) => usage.cpuSeconds) * 1000) / sumOf(operator, ({ writes }) => allOf(writes));
}

/** The bare client does in each turn what the first operator did. */
function bareMsPerWrite({ operator: [first], bare }: ColdStart): number {
  const writes = first === undefined ? Number.NaN : allOf(first.writes);
  return (sumOf(bare, ({ cpuSeconds }) => cpuSeconds) * 1000) / (bare.length * writes);
}

function allOf({ channelStatuses, sessionStatuses, events }: WriteCounts): number {
  return channelStatuses + sessionStatuses + events;
}

function sumOf<T>(turns: readonly T[], of: (turn: T) => number): number {
  return turns.reduce((sum, turn) => sum + of(turn), 0);
}
