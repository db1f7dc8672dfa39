import { STREAM_SESSION_CONDITIONS, type StreamSession } from '@sluice/crds';
import { keyOf } from '../../runtime/client/client.ts';
import { ADMITTED, admit, type Refusal, type SessionLimits, type Verdict } from './admit.ts';

/** What the book asks about a session. */
export interface AdmissionSources {
  /** Whose limit it counts towards. */
  readonly ownerOf: (session: StreamSession) => string;
  /** Whether pods of the session with this key exist. */
  readonly hasPods: (key: string) => boolean;
  /** The session with this key may run from now on. */
  readonly onAdmitted: (key: string) => void;
}

interface Entry {
  session: StreamSession;
  owner: string;
  admitted: boolean;
  /** Whether it was looked for signs of an earlier admission. */
  examined: boolean;
}

/**
 * Knows every StreamSession that runs or waits, and decides as one who may run: an answer is remembered in the same
 * moment in which it is given, so that no two sessions ever get the same place. Answers survive the process in what
 * they led to: a pod, or the session's status.
 */
export class AdmissionBook {
  readonly #limits: SessionLimits;
  readonly #sources: AdmissionSources;
  readonly #entries = new Map<string, Entry>();
  #refusals = new Map<string, Refusal>();
  #isOpen = false;
  #isCurrent = false;

  constructor(limits: SessionLimits, sources: AdmissionSources) {
    this.#limits = limits;
    this.#sources = sources;
  }

  /** Takes in a session as it is now, or that the answer to whose it is has changed. */
  take(session: StreamSession): void {
    const uid = session.metadata.uid ?? '';
    if (isOver(session)) {
      this.forget(uid);
      return;
    }
    const owner = this.#sources.ownerOf(session);
    const known = this.#entries.get(uid);
    if (known === undefined) {
      this.#entries.set(uid, { session, owner, admitted: false, examined: false });
      this.#isCurrent = false;
      return;
    }
    known.session = session;
    if (known.owner === owner) return;
    known.owner = owner;
    this.#decide();
  }

  /** The session with this uid is gone: its place is free. */
  forget(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    this.#refusals.delete(uid);
    this.#isCurrent = false;
    if (entry.admitted) this.#decide();
  }

  /**
   * Whether a session may run. One that is over needs no place. The first question opens the book: whoever asks knows
   * all sessions and pods that exist, which nobody does while the caches fill.
   */
  verdict(session: StreamSession): Verdict {
    this.#isOpen = true;
    const uid = session.metadata.uid ?? '';
    if (isOver(session)) return ADMITTED;
    if (!this.#entries.has(uid)) this.take(session);
    if (!this.#isCurrent) this.#decide();
    return this.#refusals.get(uid) ?? ADMITTED;
  }

  /** Sessions that wait, by uid. */
  get waiting(): ReadonlyMap<string, Refusal> {
    return this.#refusals;
  }

  /** How many sessions have a place, by owner; owners without one are left out. */
  admittedByOwner(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { owner, admitted } of this.#entries.values()) {
      if (admitted) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    return counts;
  }

  #decide(): void {
    this.#isCurrent = false;
    if (!this.#isOpen) return;
    this.#examine();
    const claims = [...this.#entries].map(([uid, { session, owner, admitted }]) => ({
      uid,
      owner,
      admitted,
      priority: session.spec.priority,
      createdAt: session.metadata.creationTimestamp ?? '',
      key: keyOf(session.metadata),
    }));
    const refusals = new Map<string, Refusal>();
    for (const [uid, verdict] of admit(claims, this.#limits)) {
      const entry = this.#entries.get(uid);
      if (!verdict.admitted) refusals.set(uid, verdict);
      else if (entry?.admitted === false) {
        entry.admitted = true;
        this.#sources.onAdmitted(keyOf(entry.session.metadata));
      }
    }
    this.#refusals = refusals;
    this.#isCurrent = true;
  }

  /** Another operator may have admitted a session; its pod may even be older than its status. */
  #examine(): void {
    for (const entry of this.#entries.values()) {
      if (entry.examined) continue;
      entry.examined = true;
      entry.admitted = wasAdmitted(entry.session) || this.#sources.hasPods(keyOf(entry.session.metadata));
    }
  }
}

function isOver({ metadata, status }: StreamSession): boolean {
  const phase = status?.phase;
  const ended = phase === 'Failed' || phase === 'Completed' || phase === 'Stored';
  return ended || metadata.deletionTimestamp !== undefined;
}

function wasAdmitted({ status }: StreamSession): boolean {
  const condition = status?.conditions?.find(({ type }) => type === STREAM_SESSION_CONDITIONS.admitted);
  return condition?.status === 'True' || (status?.attempt ?? 0) > 0;
}
