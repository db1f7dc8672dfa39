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
const CONNECTIONS = 32;

/**
 * Asks as fast as it is answered.
 * @param ask a question of one of the connections, which are numbered from 0
 * @param groups process groups whose CPU is counted
 * @throws Error for any answer that is not 200
 */
export async function hammer(
  createClient: () => ViewerClient,
  ask: (client: ViewerClient, connection: number, round: number, signal: AbortSignal) => Promise<Answer>,
  groups: readonly number[],
  seconds: number,
): Promise<Work> {
  const { signal } = new AbortController();
  const deadline = performance.now() + seconds * 1000;
  let answers = 0;
  let bytes = 0;
  const before = cpuSecondsOf(groups);
  const run = async (connection: number): Promise<void> => {
    const client = createClient();
    for (let round = 0; performance.now() < deadline; round += 1) {
      const answer = await ask(client, connection, round, signal);
      if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
      answers += 1;
      bytes += answer.bytes;
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => run(connection)));
  return { answers, bytes, cpuSeconds: cpuSecondsOf(groups) - before };
}

/** CPU that some processes use on average within a time, in cores. */
export async function coresOf(groups: readonly number[], seconds: number): Promise<number> {
  const before = cpuSecondsOf(groups);
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  return (cpuSecondsOf(groups) - before) / ((performance.now() - startedAt) / 1000);
}
