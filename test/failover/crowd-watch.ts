import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { type CrowdOptions, startCrowd } from '../viewer/crowd.ts';
import type { CrowdReport } from '../viewer/crowd-tally.ts';
import { createLightClients } from '../viewer/light-client.ts';

/** What a crowd and the count of its channel went through. */
export interface CrowdHistory {
  /** Of the time in which something happened, and of all viewers as they were at its end. */
  readonly crowd: CrowdReport;
  /** How often which count was shown for all edges. */
  readonly counts: ReadonlyMap<number, number>;
  /** Statuses that an edge gave for itself alone, because the operator had not told it the whole count. */
  readonly partial: number;
  readonly seconds: number;
}

/** The count is looked at so often, in ms: at whichever edge the connection comes to. */
const LOOK_MS = 250;
/** A crowd has come, and is counted, within this many seconds on a machine that is busy. */
const ARRIVAL_SECONDS = 120;
/** After what happened: whoever is late by then has stalled. */
const AFTER_SECONDS = 12;

/**
 * Lets a crowd of light viewers watch a channel, and the count with it, while `happen` does something to the edges.
 * @throws Error if the crowd is never counted as a whole
 */
export async function watchCrowd(
  options: Omit<CrowdOptions, 'createClient'>,
  happen: () => Promise<void>,
): Promise<CrowdHistory> {
  const crowd = startCrowd({ ...options, createClient: createLightClients() });
  try {
    await untilCounted(options);
    // Whoever came last has its buffer by now.
    await sleep(AFTER_SECONDS * 1000);
    const before = crowd.report();
    const looking = lookAtCount(options);
    const startedAt = performance.now();
    await happen();
    await sleep(AFTER_SECONDS * 1000);
    const seconds = (performance.now() - startedAt) / 1000;
    return { crowd: since(before, crowd.report()), ...(await looking.stop()), seconds };
  } finally {
    await crowd.stop();
  }
}

function since(before: CrowdReport, now: CrowdReport): CrowdReport {
  return {
    ...now,
    polls: now.polls - before.polls,
    segments: now.segments - before.segments,
    bytes: now.bytes - before.bytes,
    stalls: now.stalls - before.stalls,
    stalledSeconds: now.stalledSeconds - before.stalledSeconds,
    ownStalls: now.ownStalls - before.ownStalls,
    problems: now.problems - before.problems,
  };
}

interface Count {
  readonly viewerCount: number;
  readonly viewersScope: 'all' | 'edge';
}

/** Each time by a connection of its own, which may come to any edge. */
async function countNow({ edgeUrl, namespace, channel }: Pick<CrowdOptions, 'edgeUrl' | 'namespace' | 'channel'>) {
  const answer = await request(`${edgeUrl}/api/stream/${namespace}/${channel}/status`, { reset: true });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`the status answers ${answer.statusCode}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as Count;
}

async function untilCounted(options: Omit<CrowdOptions, 'createClient'>): Promise<void> {
  const deadline = performance.now() + ARRIVAL_SECONDS * 1000;
  let last: Count | null = null;
  while (performance.now() < deadline) {
    last = await countNow(options).catch(() => null);
    if (last?.viewersScope === 'all' && last.viewerCount === options.count) return;
    await sleep(LOOK_MS);
  }
  throw new Error(`the crowd of ${options.count} is not counted after ${ARRIVAL_SECONDS} s: ${JSON.stringify(last)}`);
}

function lookAtCount(options: Omit<CrowdOptions, 'createClient'>): {
  stop(): Promise<Pick<CrowdHistory, 'counts' | 'partial'>>;
} {
  const counts = new Map<number, number>();
  let partial = 0;
  let stopped = false;
  const looking = (async () => {
    for (; !stopped; await sleep(LOOK_MS)) {
      const { viewerCount, viewersScope } = await countNow(options);
      if (viewersScope === 'all') counts.set(viewerCount, (counts.get(viewerCount) ?? 0) + 1);
      else partial += 1;
    }
  })();
  looking.catch(() => {});
  return {
    async stop() {
      stopped = true;
      await looking;
      return { counts, partial };
    },
  };
}
