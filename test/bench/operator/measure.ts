import { bundle } from '../../../images/bundle.ts';
import type { Context } from '../../cluster/cluster.ts';
import { type Measurement, percentile } from '../statistics.ts';
import { type ColdStart, measureColdStart } from './cold-start.ts';
import { measureSteadyState, type SteadyState } from './steady-state.ts';

/** The goals are about the first and the last; the one between shows how it grows. */
const SIZES = [1000, 3000, 10_000] as const;
/** The size whose steady state is measured. */
const BUSY = 1000;

const GOALS: Readonly<Record<number, { readonly seconds: number; readonly megabytes: number }>> = {
  1000: { seconds: 30, megabytes: 220 },
  10000: { seconds: 300, megabytes: 450 },
};

/** The operator as a process of its own against a real API server, etcd and scheduler, with pods by kwok. */
export async function measureOperator(context: Context, sizes: readonly number[] = SIZES): Promise<Measurement[]> {
  await bundle(context.config.repositoryRoot, ['operator'], () => {});
  const rows: Measurement[] = [];
  const starts: ColdStart[] = [];
  for (const channels of sizes) {
    let steady: SteadyState | null = null;
    const start = await context.progress.step(`operator with ${channels} Channels`, 60 + channels / 30, () =>
      measureColdStart(context, channels, async (scene) => {
        if (channels === BUSY) steady = await measureSteadyState(scene, channels);
      }),
    );
    starts.push(start);
    rows.push(...coldStartRows(start), ...(steady === null ? [] : steadyRows(steady)));
  }
  context.progress.note(`\n${growthTable(starts)}`);
  return rows;
}

function coldStartRows({ channels, seconds, usage, bareSeconds }: ColdStart): Measurement[] {
  const goal = GOALS[channels];
  const what = `${channels} Channels, a fifth of them in Transcode:`;
  return [
    {
      what: `${what} cold start until all is as asked`,
      measured: `${seconds.toFixed(1)} s`,
      reference: goal === undefined ? '' : `goal ${goal.seconds} s`,
    },
    {
      what: `${what} highest resident memory`,
      measured: `${(usage.peakBytes / 1e6).toFixed(0)} MB`,
      reference: goal === undefined ? '' : `goal ${goal.megabytes} MB`,
    },
    {
      what: `${what} time against a bare client with the same writes`,
      measured: (seconds / bareSeconds).toFixed(2),
      reference: `bare client ${bareSeconds.toFixed(1)} s; goal 1.3`,
    },
  ];
}

function steadyRows({ cpuShare, writesPerSecond, residentBytes, decisionMilliseconds }: SteadyState): Measurement[] {
  const what = `${BUSY} busy Channels:`;
  const p50 = percentile(decisionMilliseconds, 0.5).toFixed(1);
  const p99 = percentile(decisionMilliseconds, 0.99).toFixed(1);
  return [
    { what: `${what} CPU`, measured: `${(cpuShare * 100).toFixed(1)} % of a core`, reference: 'goal 5 %' },
    { what: `${what} writes`, measured: `${writesPerSecond.toFixed(1)} /s`, reference: 'goal 20 /s' },
    { what: `${what} resident memory`, measured: `${(residentBytes / 1e6).toFixed(0)} MB`, reference: '' },
    {
      what: `${what} an edge's word -> route that answers it`,
      measured: `median ${p50} ms, p99 ${p99} ms of ${decisionMilliseconds.length}`,
      reference: 'goal p99 250 ms',
    },
  ];
}

/** One line per size. */
function growthTable(starts: readonly ColdStart[]): string {
  const lines = starts.map(({ channels, seconds, bareSeconds, usage, writes }) => {
    const count = writes.channelStatuses + writes.sessionStatuses + writes.events;
    const cells = [
      String(channels),
      seconds.toFixed(1),
      bareSeconds.toFixed(1),
      (usage.peakBytes / 1e6).toFixed(0),
      (usage.residentBytes / 1e6).toFixed(0),
      usage.cpuSeconds.toFixed(1),
      `${writes.channelStatuses} + ${writes.sessionStatuses} + ${writes.events}`,
      ((usage.cpuSeconds / count) * 1000).toFixed(2),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const titles = [
    'Channels',
    'converged s',
    'bare client s',
    'peak MB',
    'resident MB',
    'CPU s',
    'writes: Channel status + session status + events',
    'CPU ms per write',
  ];
  return [`| ${titles.join(' | ')} |`, `|${'---|'.repeat(titles.length)}`, ...lines].join('\n');
}
