import type { Measurement } from '../statistics.ts';
import { startAudience } from './audience.ts';
import { compared } from './comparison.ts';
import type { Started, Subject } from './subject.ts';
import { inTurns, medianOf, ratioOfMedians } from './turns.ts';

/** Slow enough that one second's viewers are not what is late. */
const ARRIVALS_PER_SECOND = 250;
/** One process asks for them all on the same machine; beyond it the limit would be its own. */
const MOST_VIEWERS = 6000;
const TARGET_DURATION_SECONDS = 2;
/** One segment decides, and anything that keeps the machine busy for two seconds makes it late: the median of four does not mind. */
const ROUNDS = 2;

/** How many viewers play before the first segment takes longer than it lasts. The viewers need this machine, too. */
export async function measureLimit(started: Started, edge: Subject, reference: Subject): Promise<Measurement[]> {
  const turns = await inTurns(
    () => viewersBeforeLate(started, edge),
    () => viewersBeforeLate(started, reference),
    ROUNDS,
  );
  const text = (numbers: readonly number[]) => {
    const names = numbers.map((viewers) => (viewers >= MOST_VIEWERS ? `over ${MOST_VIEWERS}` : String(viewers)));
    return `${Math.round(medianOf(numbers))} in the median (${names.join(', ')})`;
  };
  return [
    compared({
      what: 'viewers of 3 Mbit/s before the first late segment, on this machine with its viewers',
      measured: text(turns.subject),
      reference: `nginx alone: ${text(turns.reference)}`,
      ratio: ratioOfMedians(turns),
      goal: { atLeast: 0.9 },
    }),
  ];
}

async function viewersBeforeLate(started: Started, subject: Subject): Promise<number> {
  const options = { viewers: MOST_VIEWERS, channels: 1, arrivalsPerSecond: ARRIVALS_PER_SECOND };
  const [crowd] = startAudience(subject, options);
  if (crowd === undefined) throw new Error('no crowd');
  started.add(crowd, () => crowd.stop());
  for (;;) {
    await started.sleep(0.1);
    const { present, slowestSegmentSeconds, problems } = crowd.report();
    const late = slowestSegmentSeconds > TARGET_DURATION_SECONDS || problems > 0;
    if (!late && present < MOST_VIEWERS) continue;
    await crowd.stop();
    // What was under way ends; the next subject starts on a quiet machine.
    await started.sleep(2);
    return present;
  }
}
