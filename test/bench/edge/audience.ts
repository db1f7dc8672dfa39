import { type Crowd, startCrowd } from '../../viewer/crowd.ts';
import { createLightClients } from '../../viewer/light-client.ts';
import type { OwnLateness } from '../../viewer/own-lateness.ts';
import type { Measurement } from '../statistics.ts';
import { compared } from './comparison.ts';
import { NAMESPACE } from './edge-subject.ts';
import { SEGMENTS } from './origin-process.ts';
import { cpuSecondsOf } from './processes.ts';
import type { Started, Subject } from './subject.ts';
import { inTurns, ratioOf } from './turns.ts';

const VIEWERS = 1000;
const BYTES_PER_SECOND = SEGMENTS.bytes / SEGMENTS.seconds;
/** Four seconds in which they come, and as many until each has found its rhythm. */
const WARM_UP_SECONDS = 8;
/** Two turns of 10 s each came to ratios from 0.94 to 1.22 in one run: how polls and segments meet differs by turn. */
const MEASURE_SECONDS = 20;

/** Viewers spread over channels, each on one connection as a player has it. */
export function startAudience(
  subject: Subject,
  options: {
    readonly viewers: number;
    readonly channels: number;
    readonly arrivalsPerSecond: number;
    readonly heartbeats?: boolean;
    readonly lateness?: OwnLateness;
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
      ...(options.lateness === undefined ? {} : { lateness: options.lateness }),
      sessionPrefix: `v${index}`,
      arrivalsPerSecond: options.arrivalsPerSecond / channels,
      firstArrivalSeconds: index / options.arrivalsPerSecond,
      // One of them follows the rules of the RFC; all of them would measure the checks.
      checks: index === 0 ? 1 : 0,
      createClient,
    }),
  );
}

/** CPU of the whole edge pod with a thousand viewers, and of nginx alone with them, for the same bytes. */
export async function measureViewers(started: Started, edge: Subject, reference: Subject): Promise<Measurement[]> {
  const turns = await inTurns(
    () => measureOne(started, edge),
    () => measureOne(started, reference),
  );
  return [
    compared({
      what: `CPU of the whole edge pod, ${VIEWERS} viewers of a 3 Mbit/s channel, segments of 2 s`,
      measured: textOf(turns.subject),
      reference: `nginx alone with proxy_cache: ${textOf(turns.reference)}`,
      // For what each has delivered: a machine that is busy with other things may keep viewers waiting.
      ratio: ratioOf(turns, ({ cpuSeconds, bytes }) => [cpuSeconds, bytes]),
      goal: { atMost: 1.15 },
    }),
  ];
}

interface OneAudience {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of segments that have come while it was measured. */
  readonly bytes: number;
  readonly stalls: number;
  /** What went wrong, as a text; empty where nothing has. */
  readonly trouble: string;
}

async function measureOne(started: Started, subject: Subject): Promise<OneAudience> {
  const [crowd] = startAudience(subject, { viewers: VIEWERS, channels: 1, arrivalsPerSecond: 250 });
  if (crowd === undefined) throw new Error('no crowd');
  started.add(crowd, () => crowd.stop());
  await started.sleep(WARM_UP_SECONDS);
  const before = { ...crowd.report(), cpuSeconds: cpuSecondsOf(subject.groups), at: performance.now() };
  await started.sleep(MEASURE_SECONDS);
  const cpuSeconds = cpuSecondsOf(subject.groups) - before.cpuSeconds;
  const seconds = (performance.now() - before.at) / 1000;
  const { stalls, problems, lastProblem, bytes } = crowd.report();
  await crowd.stop();
  return {
    seconds,
    cpuSeconds,
    bytes: bytes - before.bytes,
    stalls: stalls - before.stalls,
    trouble: problems === 0 ? '' : `, ${problems} problems (${lastProblem})`,
  };
}

function textOf(turns: readonly OneAudience[]): string {
  const total = (pick: (turn: OneAudience) => number): number => turns.reduce((sum, turn) => sum + pick(turn), 0);
  const seconds = total((turn) => turn.seconds);
  const percent = (100 * total((turn) => turn.cpuSeconds)) / seconds;
  // Of the film, 100 where all viewers kept up.
  const delivered = (100 * total((turn) => turn.bytes)) / (VIEWERS * BYTES_PER_SECOND * seconds);
  const trouble = turns.map((turn) => turn.trouble).join('');
  return `${percent.toFixed(1)} % of a core, ${delivered.toFixed(0)} % of the film, ${total((turn) => turn.stalls)} stalls${trouble}`;
}
