import { setTimeout as sleep } from 'node:timers/promises';
import { type Crowd, startCrowd } from '../../viewer/crowd.ts';
import { createLightClients } from '../../viewer/light-client.ts';
import type { Measurement } from '../statistics.ts';
import { NAMESPACE } from './edge-subject.ts';
import { coresOf } from './hammer.ts';
import { SEGMENT_BYTES } from './origin-process.ts';
import type { Started, Subject } from './subject.ts';

const VIEWERS = 1000;
/** 3 Mbit/s: segments of {@link SEGMENT_BYTES} last two seconds. */
const BYTES_PER_SECOND = SEGMENT_BYTES / 2;
const WARM_UP_SECONDS = 10;
const MEASURE_SECONDS = 20;

/** Viewers spread over channels, each on one connection as a player has it. */
export function startAudience(
  subject: Subject,
  options: {
    readonly viewers: number;
    readonly channels: number;
    readonly arrivalsPerSecond: number;
    readonly heartbeats?: boolean;
  },
): Crowd[] {
  const createClient = createLightClients();
  const { viewers, channels } = options;
  return Array.from({ length: Math.min(channels, viewers) }, (_, index) =>
    startCrowd({
      edgeUrl: subject.url,
      namespace: NAMESPACE,
      channel: `c${index}`,
      count: Math.floor(viewers / channels) + (index < viewers % channels ? 1 : 0),
      rung: 'source',
      fetchesSegments: true,
      heartbeats: options.heartbeats ?? false,
      sessionPrefix: `v${index}`,
      arrivalsPerSecond: options.arrivalsPerSecond / channels,
      firstArrivalSeconds: index / options.arrivalsPerSecond,
      // One of them follows the rules of the RFC; all of them would measure the checks.
      checks: index === 0 ? 1 : 0,
      createClient,
    }),
  );
}

/** CPU of the whole edge pod with a thousand viewers, and of nginx alone with them. */
export async function measureViewers(started: Started, edge: Subject, reference: Subject): Promise<Measurement[]> {
  const measured = await measureOne(started, edge);
  const beside = await measureOne(started, reference);
  const text = ({ cores, delivered, stalls, trouble }: OneAudience) =>
    `${(cores * 100).toFixed(1)} % of a core, ${(delivered * 100).toFixed(0)} % of the film in time, ${stalls} stalls${trouble}`;
  // For what each has delivered: a machine that is busy with other things may keep viewers waiting.
  const ratio = measured.cores / measured.delivered / (beside.cores / beside.delivered);
  return [
    {
      what: `CPU of the whole edge pod, ${VIEWERS} viewers of a 3 Mbit/s channel, segments of 2 s`,
      measured: `${text(measured)} (${ratio.toFixed(2)} x for the same bytes)`,
      reference: `nginx alone with proxy_cache: ${text(beside)}; goal 1.15 x`,
    },
  ];
}

interface OneAudience {
  readonly cores: number;
  /** Share of the film's bytes that came while it was measured; 1 where all viewers kept up. */
  readonly delivered: number;
  readonly stalls: number;
  readonly trouble: string;
}

async function measureOne(started: Started, subject: Subject): Promise<OneAudience> {
  const [crowd] = startAudience(subject, { viewers: VIEWERS, channels: 1, arrivalsPerSecond: 250 });
  if (crowd === undefined) throw new Error('no crowd');
  started.add(crowd, () => crowd.stop());
  await sleep(WARM_UP_SECONDS * 1000);
  const before = crowd.report();
  const startedAt = performance.now();
  const cores = await coresOf(subject.groups, MEASURE_SECONDS);
  const seconds = (performance.now() - startedAt) / 1000;
  const { stalls, problems, lastProblem, bytes } = crowd.report();
  await crowd.stop();
  return {
    cores,
    delivered: (bytes - before.bytes) / (VIEWERS * BYTES_PER_SECOND * seconds),
    stalls: stalls - before.stalls,
    trouble: problems === 0 ? '' : `, ${problems} problems (${lastProblem})`,
  };
}
