import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import { request } from 'undici';
import { readLeaveConfig } from './config.ts';

/** Beyond the time that was asked for: handing over, and a machine that is busy. */
const ANSWER_MS = 15_000;

/** Addresses that mean every address: loopback is one of them. */
const EVERY_ADDRESS = new Set(['', '::', '0.0.0.0']);

/**
 * preStop of the container `nginx`: tells the sidecar of the same pod that the edge leaves, and waits until it has served
 * on for so many seconds. They are waited for in any case, because viewers come until load balancers have noticed.
 * @returns exit code, 1 where the sidecar could not be told
 */
export async function askToLeave(environment: NodeJS.ProcessEnv, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  const { bindAddress, operationsPort } = readLeaveConfig(environment);
  const host = EVERY_ADDRESS.has(bindAddress) ? '127.0.0.1' : isIPv6(bindAddress) ? `[${bindAddress}]` : bindAddress;
  const timeout = seconds * 1000 + ANSWER_MS;
  try {
    const answer = await request(`http://${host}:${operationsPort}/leave?seconds=${seconds}`, {
      method: 'POST',
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    process.stdout.write(await answer.body.text());
    if (answer.statusCode === 200) return 0;
  } catch (error) {
    process.stderr.write(`The sidecar cannot be told that the edge leaves: ${messageOf(error)}\n`);
  }
  await sleep(Math.max(0, until - performance.now()));
  return 1;
}
