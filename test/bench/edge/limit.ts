import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from '../statistics.ts';
import { startAudience } from './audience.ts';
import type { Started, Subject } from './subject.ts';

/** Slow enough that one second's viewers are not what is late. */
const ARRIVALS_PER_SECOND = 150;
/** One process asks for them all on the same machine; beyond it the limit would be its own. */
const MOST_VIEWERS = 6000;
const TARGET_DURATION_SECONDS = 2;

/** How many viewers play before the first segment takes longer than it lasts. The viewers need this machine, too. */
export async function measureLimit(started: Started, edge: Subject, reference: Subject): Promise<Measurement[]> {
  const beside = await viewersBeforeLate(started, reference);
  const measured = await viewersBeforeLate(started, edge);
  const text = (viewers: number) => (viewers === MOST_VIEWERS ? `over ${MOST_VIEWERS}` : String(viewers));
  return [
    {
      what: 'viewers of 3 Mbit/s before the first late segment, on this machine with its viewers',
      measured: `${text(measured)} (${(measured / beside).toFixed(2)} x)`,
      reference: `nginx alone: ${text(beside)}; goal 0.9 x`,
    },
  ];
}

async function viewersBeforeLate(started: Started, subject: Subject): Promise<number> {
  const options = { viewers: MOST_VIEWERS, channels: 1, arrivalsPerSecond: ARRIVALS_PER_SECOND };
  const [crowd] = startAudience(subject, options);
  if (crowd === undefined) throw new Error('no crowd');
  started.add(crowd, () => crowd.stop());
  for (;;) {
    await sleep(100);
    const { present, slowestSegmentSeconds, problems } = crowd.report();
    const late = slowestSegmentSeconds > TARGET_DURATION_SECONDS || problems > 0;
    if (!late && present < MOST_VIEWERS) continue;
    await crowd.stop();
    // What was under way ends; the next subject starts on a quiet machine.
    await sleep(2000);
    return present;
  }
}
