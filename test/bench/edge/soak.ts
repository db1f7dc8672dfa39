/**
 * An edge for a long time: thousands of viewers who come, go and crash, and a channel that changes between Direct and
 * Proxy all the while. Ends with code 1 where a viewer's picture stood still, or memory or descriptors grew.
 *   npm run soak -- [--minutes 10] [--viewers 2000]
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '@sluice/common/errors/error.ts';
import { bundle } from '../../../images/bundle.ts';
import { readConfig } from '../../cluster/config.ts';
import { type Crowd, startCrowd } from '../../viewer/crowd.ts';
import { createLightClients } from '../../viewer/light-client.ts';
import { exitCodeOf } from '../interruption.ts';
import { usageOf } from '../process-usage.ts';
import { NAMESPACE, routeOf, startEdgeSubject } from './edge-subject.ts';
import { SMALL_SEGMENT_BYTES, startOrigin } from './origin-process.ts';
import { descriptorsOf } from './processes.ts';
import { type Started, withStarted } from './subject.ts';

/** What was seen of the sidecar, and of its viewers until then. */
interface Sample {
  readonly minute: number;
  readonly megabytes: number;
  readonly descriptors: number;
  readonly report: ReturnType<Crowd['report']>;
}

const SWITCH_SECONDS = 20;
/** A page that is watched for two minutes in the mean, and a third of the viewers who never say goodbye. */
const CHURN = { meanStaySeconds: 120, crashShare: 0.33, random: Math.random };
/** Until everybody is there and every buffer has been used once, memory grows for good reasons. */
const SETTLE_MINUTES = 2;
/** What a collector that has not run yet may hold. */
const GROWTH_MEGABYTES = 30;
const GROWTH_DESCRIPTORS = 64;

async function soak(minutes: number, viewers: number, started: Started): Promise<boolean> {
  const root = readConfig().repositoryRoot;
  await bundle(root, ['edge'], () => {});
  const originUrl = await startOrigin(started, SMALL_SEGMENT_BYTES);
  const edge = await startEdgeSubject(started, '127.0.70.4', { root, originUrl, channels: 0, workers: 2 });
  const modes = ['Proxy', 'Direct'] as const;
  const route = { ...routeOf(0, originUrl), minimumMode: 'Idle' as const, generation: 0 };
  edge.programs.snapshot([{ ...route, mode: 'Proxy' }]);
  let switches = 0;
  const timer = setInterval(() => {
    switches += 1;
    const mode = modes[switches % 2] ?? 'Proxy';
    edge.programs.operator.send({ type: 'route', route: { ...route, mode, generation: switches } });
  }, SWITCH_SECONDS * 1000);
  started.add(timer, async (one) => clearInterval(one));
  const crowd = startCrowd({
    ...{ edgeUrl: edge.url, namespace: NAMESPACE, channel: 'c0', rung: 'source', sessionPrefix: 'soak' },
    ...{ count: viewers, fetchesSegments: true, heartbeats: true, checks: 10, arrivalsPerSecond: viewers / 30 },
    churn: CHURN,
    createClient: createLightClients(),
  });
  started.add(crowd, () => crowd.stop());
  const samples: Sample[] = [];
  for (let minute = 1; minute <= minutes; minute += 1) {
    await sleep(60_000);
    const megabytes = (await usageOf(edge.sidecarPid)).residentBytes / 1e6;
    const sample = { minute, megabytes, descriptors: descriptorsOf(edge.sidecarPid), report: crowd.report() };
    samples.push(sample);
    process.stdout.write(`${lineOf(sample)}\n`);
  }
  process.stdout.write(`${switches} switches\n`);
  return judge(samples);
}

function lineOf({ minute, megabytes, descriptors, report }: Sample): string {
  const { present, segments, stalls, problems, lastProblem } = report;
  const trouble = problems === 0 ? '' : `: ${lastProblem}`;
  return `minute ${minute}: ${present} viewers, ${segments} segments, ${stalls} stalls, ${problems} problems${trouble}; sidecar ${megabytes.toFixed(0)} MB, ${descriptors} descriptors`;
}

/** Says what was wrong. @returns whether nothing was */
function judge(samples: readonly Sample[]): boolean {
  const [settled, last] = [samples[Math.min(SETTLE_MINUTES, samples.length) - 1], samples.at(-1)];
  if (settled === undefined || last === undefined) return true;
  const wrong = [
    last.report.stalls > 0 ? `${last.report.stalls} stalls` : '',
    last.report.problems > 0 ? `${last.report.problems} problems, the last: ${last.report.lastProblem}` : '',
    last.megabytes - settled.megabytes > GROWTH_MEGABYTES ? `memory grew from ${settled.megabytes} MB` : '',
    last.descriptors - settled.descriptors > GROWTH_DESCRIPTORS ? `descriptors grew from ${settled.descriptors}` : '',
  ].filter((text) => text !== '');
  process.stdout.write(wrong.length === 0 ? 'nothing wrong\n' : `${wrong.join('\n')}\n`);
  return wrong.length === 0;
}

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, viewers: { type: 'string', default: '2000' } },
});
try {
  const isGood = await withStarted((started) => soak(Number(values.minutes), Number(values.viewers), started));
  if (!isGood) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
