import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { SourceRendition } from '@sluice/common/link/source-facts.ts';
import type { SourceClient } from '../source/client.ts';
import { asSourceError } from '../source/errors.ts';
import { createFollower, type SourceFollower } from '../source/follower.ts';
import { headersOfSource } from '../source/headers.ts';
import { PROBE_ORIGIN, type ProbeResult, probeSource } from '../source/probe.ts';
import { nextLookAt } from '../source/reload.ts';
import { isBeside } from '../source/renditions.ts';
import type { Clock } from './clock.ts';

/** Target duration in seconds assumed for the back-off of probes, before any playlist was read. */
export const PROBE_RHYTHM_SECONDS = 4;

/** What is probed, and with what. */
export interface Probing {
  readonly client: SourceClient;
  readonly clock: Clock;
  readonly source: Route['source'];
}

/** What becomes of probes. */
export interface ProbingEvents {
  found(result: ProbeResult): void;
  /** A probe failed, the n-th in a row. */
  failed(error: SluiceError, failures: number): void;
}

/**
 * Reads a source's playlists.
 * @param found what the probe has found beside the reference; null before
 * @param shownMsn newest number that was taken of the source before; null where nothing was
 */
export function followerOf(
  { client, source }: Pick<Probing, 'client' | 'source'>,
  found: readonly SourceRendition[] | null,
  shownMsn: number | null = null,
): SourceFollower {
  const renditions = found === null ? null : found.filter(({ name }) => isBeside(name));
  const { uri } = source;
  return createFollower({
    ...{ client, uri, headers: headersOfSource(source), origin: PROBE_ORIGIN, renditions, shownMsn },
  });
}

/** Probes a source until that succeeds, ever more rarely; returns the stop function. */
export function probeUntilFound(probing: Probing, events: ProbingEvents): () => void {
  const { client, clock, source } = probing;
  const abort = new AbortController();
  let cancel = (): void => {};
  let failures = 0;
  let follower = followerOf(probing, null);
  const attempt = async (): Promise<void> => {
    const beganAt = clock.now();
    try {
      const result = await probeSource(client, follower, headersOfSource(source), clock.now, abort.signal);
      // Within, as a look's news are in a watch: an error of ours may cost this channel, and no other one of the edge.
      if (!abort.signal.aborted) events.found(result);
    } catch (error) {
      if (abort.signal.aborted) return;
      failures += 1;
      const failure = asSourceError(error);
      // Perhaps a lower picture has its audio in its own segments.
      if (failure.code === 'SOURCE_UNSUPPORTED') follower = followerOf(probing, []);
      events.failed(failure, failures);
      const outcome = { beganAt, changed: false, failures, targetDurationSeconds: PROBE_RHYTHM_SECONDS, ended: false };
      cancel = clock.after(nextLookAt(outcome) - clock.now(), () => void attempt());
    }
  };
  void attempt();
  return () => {
    abort.abort();
    cancel();
  };
}

/** Probes a source once more, which changes nothing where it fails; returns the stop function. */
export function probeOnce(probing: Probing, ended: (result: ProbeResult | null) => void): () => void {
  const { client, clock, source } = probing;
  const abort = new AbortController();
  const follower = followerOf(probing, null);
  void probeSource(client, follower, headersOfSource(source), clock.now, abort.signal)
    .catch(() => null)
    .then((result) => (abort.signal.aborted ? undefined : ended(result)));
  return () => abort.abort();
}
