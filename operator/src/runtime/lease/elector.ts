import { createReflector, type Reflector } from '../cache/reflector.ts';
import { compareResourceVersions } from '../cache/resource-version.ts';
import { hasReason } from '../client/api-error.ts';
import type { Client, ObjectName } from '../client/client.ts';
import { messageOf } from '../errors/error.ts';
import { type Clock, MONOTONIC_CLOCK } from '../queue/clock.ts';
import { claimOf } from './claim.ts';
import { holderOf, LEASE, type Lease, type LeaseRecord, leaseObject, microTime, termOf } from './lease.ts';

/** What an elector is made of. */
export interface ElectorOptions {
  /**
   * Best a client of its own: its connections are not held up by other calls, and its calls should end well within the
   * renew deadline (`callTimeoutSeconds: 5`).
   */
  readonly client: Pick<Client, 'get' | 'list' | 'watch' | 'create' | 'apply'>;
  readonly lease: ObjectName;
  /** Unique for each start of a process, e.g. `<host>_<uuid>`: a successor of the same name must not think it holds. */
  readonly identity: string;
  /** Owns the fields of the Lease (server-side apply). */
  readonly fieldManager: string;
  /** Whether a standby watches the Lease as well, and so takes over at once from a leader that releases it. */
  readonly watch: boolean;
  /** Called once: this process leads. @param term higher than that of every earlier leader, see {@link termOf} */
  readonly onElected: (term: number) => void;
  /** Called at most once: another process may lead from now on. Stop everything at once, best by ending the process. */
  readonly onLost: (reason: string) => void;
  /** Trouble that is being dealt with. */
  readonly onTrouble?: (message: string) => void;
  /** Milliseconds since the epoch, only for the times that people read in the Lease. */
  readonly now?: () => number;
  /** Judges expiry. */
  readonly clock?: Clock;
}

/** Where an elector stands; from `lost` and `stopped` there is no way back. */
export type ElectorState = 'standby' | 'leader' | 'lost' | 'stopped';

/** Elects one of several processes by a Lease. */
export interface Elector {
  readonly state: ElectorState;
  /** Begins, once. */
  start(): void;
  /** What is wrong with the lease, for liveness; null: nothing. A leader who cannot renew is not alive. */
  fault(): string | null;
  /** Releases the lease if it is held, so that another process leads at once: the last thing that a leader does. */
  stop(): Promise<void>;
}

/** Others take the lease after this; client-go's and controller-runtime's default. */
const DURATION_SECONDS = 15;
/** A leader that has not renewed for this long gives up, well before others take over; client-go's default. */
const RENEW_DEADLINE_MILLISECONDS = 10_000;
/** Between two attempts to take or renew; client-go's default. */
const RETRY_MILLISECONDS = 2000;
/** After a release the lease is anybody's at once; the API wants a duration above 0. */
const RELEASED_SECONDS = 1;
/** A leader's liveness fails after this: later than its own deadline, which ends it in better order. */
const FAULT_MILLISECONDS = DURATION_SECONDS * 1000;
/** A server that does not answer must not keep a process from ending. */
const RELEASE_MILLISECONDS = 3000;

/** Makes an elector that does nothing yet: {@link Elector.start}. */
export function createElector(options: ElectorOptions): Elector {
  return new LeaseElector(options);
}

class LeaseElector implements Elector {
  state: ElectorState = 'standby';
  readonly #options: ElectorOptions;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #watched: Reflector<Lease> | null;
  #known: Lease | null = null;
  #observedAt = 0;
  #acquireTime = '';
  /** When the call began that renewed the lease last: nobody else counts from earlier. */
  #renewedAt = 0;
  /** Lost races in a row: only the first is followed by another attempt at once. */
  #lostRaces = 0;
  #running: Promise<void> | null = null;
  /** Something has happened while no wait was there to end. */
  #isAwake = false;
  #endWait: (() => void) | null = null;
  #cancelDeadline: () => void = () => {};

  constructor(options: ElectorOptions) {
    const { client, lease, watch, onTrouble } = options;
    this.#options = options;
    this.#clock = options.clock ?? MONOTONIC_CLOCK;
    this.#now = options.now ?? Date.now;
    const selection = { namespace: lease.namespace, fieldSelector: `metadata.name=${lease.name}` };
    const trouble = onTrouble === undefined ? {} : { onTrouble };
    this.#watched = watch ? createReflector({ client, type: LEASE, selection, clock: this.#clock, ...trouble }) : null;
    this.#watched?.onChange(({ after }) => this.#watchSaw(after));
  }

  start(): void {
    if (this.#running !== null || this.state !== 'standby') return;
    this.#watched?.start();
    this.#running = this.#run();
  }

  fault(): string | null {
    if (this.state === 'lost') return 'the lease is lost';
    const silence = this.#clock.now() - this.#renewedAt;
    if (this.state !== 'leader' || silence < FAULT_MILLISECONDS) return null;
    return `this leader has not renewed its lease for ${Math.floor(silence / 1000)} s`;
  }

  async stop(): Promise<void> {
    if (this.state !== 'lost') this.state = 'stopped';
    this.#cancelDeadline();
    this.#wake();
    const released = (async () => {
      await this.#running;
      await this.#release();
      await this.#watched?.stop();
    })();
    await this.#atMost(RELEASE_MILLISECONDS, released);
  }

  async #run(): Promise<void> {
    while (!this.#isOver()) {
      const wait = await this.#attempt();
      if (!this.#isOver()) await this.#sleep(wait);
    }
  }

  #isOver(): boolean {
    return this.state === 'lost' || this.state === 'stopped';
  }

  /** One look at the lease and what follows from it. @returns milliseconds until the next */
  async #attempt(): Promise<number> {
    const { client, lease: name, identity } = this.#options;
    try {
      // A leader knows its lease; whoever has changed it meanwhile is told by the conflict.
      if (this.state === 'standby' || this.#known === null) this.#observe(await client.get(LEASE, name));
      if (this.#isOver()) return 0;
      const claim = claimOf(this.#known, identity, this.#observedAt, this.#clock.now());
      if (claim.kind !== 'renew' && claim.kind !== 'create' && this.state === 'leader') {
        this.#lose('another process holds the lease');
        return 0;
      }
      if (claim.kind === 'wait') return Math.min(claim.milliseconds, RETRY_MILLISECONDS);
      await this.#hold(claim.kind);
      return RETRY_MILLISECONDS;
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** A lost race is looked at again at once; all else after a while. */
  #failed(error: unknown): number {
    if (!hasReason(error, 'Conflict') && !hasReason(error, 'AlreadyExists')) {
      const what = this.state === 'leader' ? 'renewed' : 'read or taken';
      this.#options.onTrouble?.(`the lease cannot be ${what}: ${messageOf(error)}`);
      return RETRY_MILLISECONDS;
    }
    this.#known = null;
    this.#lostRaces += 1;
    return this.#lostRaces === 1 ? 0 : RETRY_MILLISECONDS;
  }

  async #hold(kind: 'create' | 'take' | 'renew'): Promise<void> {
    const { client, lease: name, identity, fieldManager } = this.#options;
    const known = this.#known;
    const startedAt = this.#clock.now();
    const renewTime = microTime(this.#now());
    if (kind === 'take' || this.#acquireTime === '') this.#acquireTime = renewTime;
    const transitions = known?.spec?.leaseTransitions ?? 0;
    const record: LeaseRecord = {
      holderIdentity: identity,
      leaseDurationSeconds: DURATION_SECONDS,
      leaseTransitions: kind === 'take' ? transitions + 1 : transitions,
      acquireTime: this.#acquireTime,
      renewTime,
    };
    const object = leaseObject(name, record, known);
    const held =
      kind === 'create' ? await client.create(LEASE, object) : await client.apply(LEASE, object, fieldManager);
    this.#lostRaces = 0;
    this.#observe(held);
    this.#renewed(startedAt, held);
  }

  #renewed(startedAt: number, held: Lease): void {
    if (this.state === 'lost') return; // too late: the deadline has passed meanwhile
    this.#renewedAt = startedAt;
    this.#cancelDeadline();
    if (this.state === 'stopped') return;
    const left = startedAt + RENEW_DEADLINE_MILLISECONDS - this.#clock.now();
    const onDeadline = () => this.#lose(`it could not be renewed for ${RENEW_DEADLINE_MILLISECONDS / 1000} s`);
    this.#cancelDeadline = this.#clock.setTimer(onDeadline, Math.max(0, left));
    if (this.state === 'leader') return;
    this.state = 'leader';
    this.#options.onElected(termOf(held));
  }

  #lose(reason: string): void {
    if (this.state !== 'leader') return;
    this.state = 'lost';
    this.#cancelDeadline();
    this.#wake();
    this.#options.onLost(reason);
  }

  /** A lease that has not changed is not observed anew: its time runs on. */
  #observe(lease: Lease | null): void {
    if (lease?.metadata.resourceVersion === this.#known?.metadata.resourceVersion && lease !== null) return;
    this.#known = lease;
    this.#observedAt = this.#clock.now();
  }

  /** A standby learns of a release or a deletion; a leader knows what it wrote itself. */
  #watchSaw(lease: Lease | null): void {
    if (this.state !== 'standby') return;
    const known = this.#known?.metadata.resourceVersion;
    if (lease !== null && known !== undefined && compareResourceVersions(lease.metadata.resourceVersion, known) <= 0) {
      return;
    }
    this.#observe(lease);
    const claim = claimOf(this.#known, this.#options.identity, this.#observedAt, this.#clock.now());
    if (claim.kind !== 'wait') this.#wake();
  }

  async #release(): Promise<void> {
    const { client, lease: name, identity, fieldManager, onTrouble } = this.#options;
    if (this.state !== 'stopped' || this.#known === null || holderOf(this.#known) !== identity) return;
    const record: LeaseRecord = {
      holderIdentity: '',
      leaseDurationSeconds: RELEASED_SECONDS,
      leaseTransitions: this.#known.spec?.leaseTransitions ?? 0,
      acquireTime: this.#acquireTime,
      renewTime: microTime(this.#now()),
    };
    try {
      await client.apply(LEASE, leaseObject(name, record, this.#known), fieldManager);
    } catch (error) {
      onTrouble?.(`the lease cannot be released and expires by itself: ${messageOf(error)}`);
    }
  }

  #wake(): void {
    this.#isAwake = true;
    this.#endWait?.();
  }

  async #sleep(milliseconds: number): Promise<void> {
    if (!this.#isAwake) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.setTimer(resolve, milliseconds);
        this.#endWait = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#endWait = null;
    this.#isAwake = false;
  }

  #atMost(milliseconds: number, promise: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimer(resolve, milliseconds);
      promise.finally(cancel).then(resolve, reject);
    });
  }
}
