import { CountingRun } from '../counting/run.ts';
import type { Measurement } from './statistics.ts';

const EDGES = 5;
const MEAN_STAY_SECONDS = 120;
/** Everybody comes within this time. */
const RUSH_MS = 10_000;
/** From an operator's end to the start of the next one: a restart of its container. */
const OPERATOR_AWAY_MS = 2_000;
/** Seats of the channel that is full. */
const LIMIT = 100;
const LIMIT_SECONDS = 180;
/** Between two faults, on average. */
const FAULT_SECONDS = 20;
const PROGRAMS_PER_SECOND = 10;

/**
 * Virtual viewers of one channel on five edges in virtual time, by the real register, messages, book and decision, while a
 * sidecar dies, a link is cut, a pod is replaced and the operator starts again; see test/counting.
 */
export function measureCounting(): Measurement[] {
  return [...[100, 1_000, 10_000].flatMap(measureWith), ...measureLimit()];
}

/** A full channel with twice as many in front of its door as it has seats. */
function measureLimit(): Measurement[] {
  return [
    limitRow('nothing fails', (run) => run.play(LIMIT_SECONDS)),
    limitRow(`nothing fails, ${PROGRAMS_PER_SECOND} programs a second read the multivariant playlist`, (run) => {
      run.audience.programs(PROGRAMS_PER_SECOND);
      run.play(LIMIT_SECONDS);
    }),
    limitRow('sidecars, pods and operators fail', (run) => {
      run.disturb(LIMIT_SECONDS, FAULT_SECONDS, ['crash', 'replace', 'operator']);
    }),
    limitRow('links are cut for up to 20 s', (run) => run.disturb(LIMIT_SECONDS, FAULT_SECONDS, ['cut'])),
  ];
}

function limitRow(what: string, play: (run: CountingRun) => void): Measurement {
  const habits = { meanStaySeconds: 60 };
  const run = new CountingRun({ seed: LIMIT, edges: EDGES, habits, maxViewers: LIMIT });
  run.audience.join(3 * LIMIT, 2_000);
  run.audience.flow((2 * LIMIT) / habits.meanStaySeconds);
  play(run);
  const { turnedAway, harmed } = run.refusals;
  return {
    what: `maxViewers ${LIMIT} on ${EDGES} edges, ${what}`,
    measured: `${run.mostCounted()} at most, ${run.meanCounted().toFixed(1)} on average, ${turnedAway} turned away, ${harmed} viewers refused a request`,
    reference: `goal ${LIMIT} and who came back, 0 viewers refused`,
  };
}

function percent(share: number, of = ''): string {
  return `${(100 * share).toFixed(2)} % ${of}`.trim();
}

function measureWith(viewers: number): Measurement[] {
  const startedAt = performance.now();
  const run = new CountingRun({ seed: viewers, edges: EDGES, habits: { meanStaySeconds: MEAN_STAY_SECONDS } });
  const wholeSeconds = playThroughFaults(run, viewers);
  const { worst, mean, plainShare, vanishedShare } = run.errors();
  const rest = run.rest();
  const seconds = (performance.now() - startedAt) / 1000;
  const playedSeconds = (rest.atMs - (run.samples[0]?.atMs ?? rest.atMs)) / 1000;
  const what = (text: string): string => `${viewers} viewers on ${EDGES} edges: ${text}`;
  return [
    {
      what: what('error of a known count in motion, worst moment'),
      measured: `${worst.viewers} viewers, ${percent(worst.share)}`,
      reference: 'goal 1 %',
    },
    {
      what: what('error of a known count in motion, mean over time'),
      measured: `${mean.viewers.toFixed(2)} viewers, ${percent(mean.share)}`,
      reference: 'goal 1 %',
    },
    {
      what: what('the same from the rules alone, news on its way not granted'),
      measured: percent(plainShare),
      reference: 'goal 1 %',
    },
    {
      what: what('counted on average and gone without a goodbye'),
      measured: percent(vanishedShare),
      reference: '- (by the contract, for 65 s)',
    },
    {
      what: what('error at rest'),
      measured: `${Math.abs(rest.viewers - rest.watching)} of ${rest.watching}, ${rest.state}`,
      reference: 'goal 0, known',
    },
    {
      what: what('demotions that the truth does not justify'),
      measured: `${run.wrongDemotions.length}`,
      reference: 'goal 0',
    },
    {
      what: what('operator started again -> whole count'),
      measured: `${wholeSeconds.toFixed(1)} s`,
      reference: 'goal 1 s from the links',
    },
    {
      what: what('processor time of counting and simulation'),
      measured: percent(seconds / playedSeconds, 'of a core'),
      reference: '-',
    },
  ];
}

/** Lets viewers come, and one thing after another fail. @returns seconds from the new operator's start to a whole count */
function playThroughFaults(run: CountingRun, viewers: number): number {
  const { network, audience } = run;
  audience.join(viewers, RUSH_MS);
  audience.flow(viewers / MEAN_STAY_SECONDS);
  run.play(RUSH_MS / 1000);
  run.judgeFromNow(); // of a rush, what is on its way is most of the audience
  run.play(30);
  network.crash(network.podUids[0] ?? '');
  run.play(65);
  network.cut(network.podUids[1] ?? '', 20_000);
  run.play(30);
  network.removePod(network.podUids[2] ?? '');
  network.addPod();
  run.play(65);
  network.restartOperator(OPERATOR_AWAY_MS);
  const wholeSeconds = secondsUntilWhole(run) - OPERATOR_AWAY_MS / 1000;
  run.play(30);
  return wholeSeconds;
}

/** Virtual seconds until the count is known again. */
function secondsUntilWhole(run: CountingRun): number {
  const start = run.now().atMs;
  while (run.now().state !== 'known' && run.now().atMs - start < 60_000) run.play(0.1);
  return (run.now().atMs - start) / 1000;
}
