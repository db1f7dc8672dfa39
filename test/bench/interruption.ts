import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** For work that was interrupted to end by itself; nothing that it still waits for exists any more. */
const END_SECONDS = 20;

/** What is to be ended when people end the program. */
export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** `stop` is called on a signal, and a second time when the work has ended, for what it started meanwhile. */
  onInterrupted(stop: () => Promise<void>): void;
  /** @throws SluiceError INTERRUPTED after a signal: for places from which something new would be started */
  check(): void;
}

/**
 * Runs work that starts processes which would outlive this one. A signal ends them, the last one first, whereupon the
 * work fails; the program then ends as the signal asks.
 * @param signals where signals come from; tests have their own
 * @throws SluiceError INTERRUPTED after a signal, whatever became of the work
 */
export async function interruptible<T>(
  work: (interruption: Interruption) => Promise<T>,
  signals: Pick<NodeJS.Process, 'on' | 'off'> = process,
): Promise<T> {
  const stops: (() => Promise<void>)[] = [];
  const aborted = new AbortController();
  let stopping: Promise<void> = Promise.resolve();
  const onSignal = (name: NodeJS.Signals): void => {
    if (aborted.signal.aborted) return;
    process.stderr.write(`${name}: everything that was started is ended ...\n`);
    aborted.abort(interrupted(name));
    stopping = stopAll(stops);
  };
  for (const name of SIGNALS) signals.on(name, onSignal);
  try {
    const running = work({
      signal: aborted.signal,
      onInterrupted: (stop) => void stops.push(stop),
      check: () => aborted.signal.throwIfAborted(),
    });
    const late = once(aborted.signal).then(async () => {
      await stopping;
      await sleep(END_SECONDS * 1000, undefined, { ref: false });
      throw aborted.signal.reason;
    });
    const found = await Promise.race([running, late]);
    // What was measured while everything was ended means nothing.
    aborted.signal.throwIfAborted();
    return found;
  } catch (error) {
    throw aborted.signal.aborted ? aborted.signal.reason : error;
  } finally {
    await stopping;
    if (aborted.signal.aborted) await stopAll(stops);
    for (const name of SIGNALS) signals.off(name, onSignal);
  }
}

/** The exit code of a program that failed by this: 128 and the signal's number where it was one, as shells have it. */
export function exitCodeOf(error: unknown): number {
  const name = error instanceof SluiceError && error.code === 'INTERRUPTED' ? error.message : '';
  return name in constants.signals ? 128 + constants.signals[name as NodeJS.Signals] : 1;
}

function interrupted(name: NodeJS.Signals): SluiceError {
  return new SluiceError(name, { code: 'INTERRUPTED', retryable: false });
}

async function stopAll(stops: readonly (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops.toReversed()) {
    await stop().catch((error: unknown) => process.stderr.write(`  not ended: ${messageOf(error)}\n`));
  }
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
