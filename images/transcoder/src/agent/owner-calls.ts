import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { backoffMs } from '../owner/backoff.ts';
import { Recognition } from '../owner/recognition.ts';

/** What {@link OwnerCalls} tells, and what it lives on. */
export interface OwnerCallsOptions {
  /** A call failed. @param isFirst not a repetition of it */
  failed(message: string, isFirst: boolean): void;
  /** A newer attempt of the session works: this agent has to end. */
  superseded(): void;
  /** No edge has known the session for five minutes. */
  lost(): void;
  pause(ms: number): Promise<void>;
  readonly now: () => number;
  readonly random: () => number;
}

/** Questions to the owner, each repeated until it is answered. */
export class OwnerCalls {
  readonly #options: OwnerCallsOptions;
  readonly #recognition = new Recognition();

  constructor(options: OwnerCallsOptions) {
    this.#options = options;
  }

  /**
   * Repeats a call until it succeeds; null where its failure is final or `signal` says that the agent has something else to
   * do. @param final codes of failures that no repetition helps
   */
  async retrying<Answer>(
    signal: AbortSignal,
    final: readonly string[],
    call: () => Promise<Answer>,
  ): Promise<Answer | null> {
    const { failed, superseded, lost, pause, now, random } = this.#options;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const answer = await call();
        this.#recognition.admitted();
        return answer;
      } catch (error) {
        if (signal.aborted) return null;
        failed(messageOf(error), failures === 1);
        this.#recognition.failed(error, now());
        if (codeOf(error) === 'SUPERSEDED') superseded();
        if (this.#recognition.isLost(now())) lost();
        if (final.includes(codeOf(error))) return null;
        await pause(backoffMs(failures, random()));
      }
    }
    return null;
  }
}

/** Code of an error of this project; empty for any other. */
export function codeOf(error: unknown): string {
  return error instanceof SluiceError ? error.code : '';
}
