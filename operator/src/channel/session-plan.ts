import type { Mode } from '@sluice/common/link/mode.ts';
import type { StreamSession } from '@sluice/crds';
import type { Decision } from './decision.ts';
import type { ChannelMemory } from './memory.ts';
import type { Observed } from './observed.ts';

/**
 * How long a session outlives the wish for it at least: the owner may have switched up in the very moment in which it
 * was told to switch down, and reports that within a round trip.
 */
const LINGER_SECONDS = 2;

/** A session that ends at once although it is wanted, or that somebody deletes, is not made anew sooner than this. */
const BETWEEN_SESSIONS_SECONDS = 5;

/** First wait after a failed transcode; each further failure in a row doubles it. */
const FIRST_COOL_DOWN_SECONDS = 60;
/** Longest wait: a cluster that was mended is tried again within a quarter of an hour. */
const LONGEST_COOL_DOWN_SECONDS = 900;

/** What is to be done about a channel's StreamSessions. */
export interface SessionPlan {
  /** The session that the route names; null: none, or one that is still to be made. */
  readonly current: StreamSession | null;
  /** Whether a new one is to be made, under the number `serial`. */
  readonly create: boolean;
  readonly serial: number;
  readonly remove: readonly StreamSession[];
  /** Look again after this many seconds. */
  readonly wakeAfterSeconds: number | null;
}

/** The failure of a session that was not counted yet. */
export interface CountedFailure {
  readonly name: string;
  readonly message: string;
  readonly failures: number;
  /** No new transcode before this time, in ms since the epoch. */
  readonly retryAtMs: number;
}

/** Seconds without a new transcode after `failures` in a row: 60, 120, 240, 480, 900, 900, ... */
export function coolDownSeconds(failures: number): number {
  return Math.min(LONGEST_COOL_DOWN_SECONDS, FIRST_COOL_DOWN_SECONDS * 2 ** Math.max(0, failures - 1));
}

/** Looks for a session that has failed since the last reconciliation. */
export function failureOf(
  sessions: readonly StreamSession[],
  memory: ChannelMemory,
  nowMs: number,
): CountedFailure | null {
  const failed = sessions.find(({ status }) => status?.phase === 'Failed');
  if (failed === undefined || failed.metadata.name === memory.countedFailure) return null;
  const failures = memory.transcodeFailures + 1;
  const why = failed.status?.conditions?.find(({ type }) => type === 'Succeeded')?.message ?? 'no reason given';
  return {
    name: failed.metadata.name,
    message: why,
    failures,
    retryAtMs: nowMs + coolDownSeconds(failures) * 1000,
  };
}

/** What conditions tell of a failure until the next transcode may start. */
export function failureText({ message, retryAtMs }: CountedFailure): string {
  return `the last transcode failed: ${message}; the next may start at ${new Date(retryAtMs).toISOString()}`;
}

/**
 * Make-before-break: a session is made when Transcode is wanted, and ended only after the owner lists something else.
 * Ended ones (Failed, Completed) and doubles go at once.
 */
export function planSession(observed: Observed, decision: Decision, activeMode: Mode): SessionPlan {
  const { sessions, memory, nowMs } = observed;
  const running = sessions.filter(({ status }) => status?.phase !== 'Failed' && status?.phase !== 'Completed');
  const ended = sessions.filter((session) => !running.includes(session));
  const [newest, ...doubles] = running;
  const remove = [...ended, ...doubles];
  const serial = Math.max(memory.serial, ...sessions.map(serialOf));
  if (decision.mode === 'Transcode') {
    const waitSeconds = BETWEEN_SESSIONS_SECONDS - (nowMs - observed.madeMs) / 1000;
    if (newest === undefined && waitSeconds > 0) {
      return { current: null, create: false, serial, remove, wakeAfterSeconds: waitSeconds };
    }
    const create = newest === undefined;
    return { current: newest ?? null, create, serial: create ? serial + 1 : serial, remove, wakeAfterSeconds: null };
  }
  if (newest === undefined) return { current: null, create: false, serial, remove, wakeAfterSeconds: null };
  const lingersForSeconds = LINGER_SECONDS - (nowMs - decision.sinceMs) / 1000;
  if (activeMode === 'Transcode' || lingersForSeconds > 0) {
    const wakeAfterSeconds = lingersForSeconds > 0 ? lingersForSeconds : null;
    return { current: newest, create: false, serial, remove, wakeAfterSeconds };
  }
  return { current: null, create: false, serial, remove: [newest, ...remove], wakeAfterSeconds: null };
}

/** Name of a session: names are never used twice in the life of a channel. */
export function sessionName(channel: string, serial: number): string {
  return `${channel}-${serial}`;
}

/** The number in a session's name; 0 if it has none. */
export function serialOf(session: StreamSession): number {
  const digits = /-(\d{1,10})$/.exec(session.metadata.name)?.[1];
  return digits === undefined ? 0 : Number(digits);
}
