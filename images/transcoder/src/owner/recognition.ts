import { SluiceError } from '@sluice/common/errors/error.ts';

/**
 * How long in ms the edges may refuse this agent's token until it ends: an edge pod that has just been replaced learns
 * sessions from the operator, and an upgrade of both takes a minute or two. After that the session is gone for good, or
 * the operator is: then nobody needs the pod, which holds CPU and memory that others could use.
 */
const LONGEST_MS = 300_000;

/** Notices that no edge knows the agent's session any more. */
export class Recognition {
  #refusedSince: number | null = null;

  /** An edge has answered as the contract says, so it knows the session. */
  admitted(): void {
    this.#refusedSince = null;
  }

  /** A call has failed with `error` at `now` (ms). Only a refusal says something of the session; silence does not. */
  failed(error: unknown, now: number): void {
    if (!(error instanceof SluiceError) || error.code === 'OWNER_UNREACHABLE') return;
    if (error.status === 401) this.#refusedSince ??= now;
    else this.admitted();
  }

  /** Whether the session has been unknown for too long at `now` (ms). */
  isLost(now: number): boolean {
    return this.#refusedSince !== null && now - this.#refusedSince > LONGEST_MS;
  }
}
