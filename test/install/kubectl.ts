import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { run } from '../cluster/process/command.ts';

/** kubectl, bound to one cluster. */
export interface Kubectl {
  /** Runs kubectl and returns its standard output. @throws SluiceError `COMMAND_FAILED` */
  run(args: readonly string[], input?: string): Promise<string>;
  /** `kubectl get ... -o json`; null where the object does not exist. */
  get<T>(args: readonly string[]): Promise<T | null>;
}

/** Paths of kubectl itself and of the cluster's kubeconfig. */
export interface KubectlPaths {
  readonly kubectlPath: string;
  readonly kubeconfigPath: string;
}

/** How long one kubectl call may take in seconds; a `rollout status` has its own, shorter limit. */
const CALL_TIMEOUT_SECONDS = 300;

/** kubectl as the cluster's administrator. Calls throw SluiceError `COMMAND_FAILED` with what kubectl says. */
export function createKubectl(paths: KubectlPaths): Kubectl {
  const environment = { ...process.env, KUBECONFIG: paths.kubeconfigPath };
  const call = (args: readonly string[], input = ''): Promise<string> =>
    run(paths.kubectlPath, args, { environment, input, timeoutSeconds: CALL_TIMEOUT_SECONDS });
  return {
    run: call,
    async get<T>(args: readonly string[]): Promise<T | null> {
      const text = await call(['get', ...args, '--ignore-not-found', '-o', 'json']);
      return text.trim() === '' ? null : (JSON.parse(text) as T);
    },
  };
}

/** What {@link eventually} waits for. */
export interface WaitOptions {
  readonly timeoutSeconds: number;
  /** Pause between two looks; 0.25 s if left out. */
  readonly intervalSeconds?: number;
}

/**
 * Looks again and again until `look` answers with something else than null, and returns that.
 * @param what a sentence's end for the error: "the channel is in mode Proxy"
 * @throws SluiceError `WAIT_TIMEOUT` with the last state that `describe` gives
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null>,
  options: WaitOptions,
  describe: () => Promise<string> = async () => '',
): Promise<T> {
  const deadline = performance.now() + options.timeoutSeconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== null) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) break;
    await sleep((options.intervalSeconds ?? 0.25) * 1000);
  }
  throw new SluiceError(`waited ${options.timeoutSeconds} s, but not: ${what}\n${await describe()}`, {
    code: 'WAIT_TIMEOUT',
    retryable: true,
    cause: last,
  });
}
