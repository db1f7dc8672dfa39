import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, ViewerClient } from '../../viewer/client.ts';
import { cpuSecondsOf } from './processes.ts';

/** Answers that some processes gave, and what they used for them. */
export interface Work {
  readonly answers: number;
  readonly bytes: number;
  readonly cpuSeconds: number;
}

/** Connections that ask as fast as they are answered: enough to keep a server busy, few enough not to queue. */
export const CONNECTIONS = 32;
/** A machine that does other things at the same time gives no more within it. */
const LIMIT_SECONDS = 5;
const LOOK_MILLISECONDS = 50;

/**
 * Asks as fast as it is answered, until the subject has used so much CPU.
 * @param ask a question of one of the connections, which are numbered from 0
 * @param groups process groups whose CPU is counted
 * @param cpuSeconds what they are to use; the clock of /proc has steps of 10 ms
 * @throws Error for any answer that is not 200
 */
export async function hammer(
  createClient: () => ViewerClient,
  ask: (client: ViewerClient, connection: number, round: number, signal: AbortSignal) => Promise<Answer>,
  groups: readonly number[],
  cpuSeconds: number,
): Promise<Work> {
  const { signal } = new AbortController();
  const done = { answers: 0, bytes: 0 };
  let running = true;
  const run = async (connection: number): Promise<void> => {
    const client = createClient();
    try {
      for (let round = 0; running; round += 1) {
        const answer = await ask(client, connection, round, signal);
        if (answer.status !== 200)
          throw new Error(`answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
        done.answers += 1;
        done.bytes += answer.bytes;
      }
    } finally {
      // One that fails ends them all: what comes behind must not be measured with them.
      running = false;
      await client.close();
    }
  };
  const asking = Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => run(connection)));
  const before = cpuSecondsOf(groups);
  const now = (): Work => ({ ...done, cpuSeconds: cpuSecondsOf(groups) - before });
  const deadline = performance.now() + LIMIT_SECONDS * 1000;
  let work = now();
  while (work.cpuSeconds < cpuSeconds && performance.now() < deadline) {
    await Promise.race([sleep(LOOK_MILLISECONDS), asking]);
    work = now();
  }
  running = false;
  await asking;
  return work;
}
