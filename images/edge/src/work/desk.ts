import { SluiceError } from '@sluice/common/errors/error.ts';
import { inspectSegment, type SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import type { AgentReport, Work } from '@sluice/common/work/contract.ts';
import type { MediaSide } from '../channel/media-side.ts';
import type { ChannelOwner } from '../channel/owner.ts';
import type { PendingSegment } from '../channel/pending.ts';
import type { TranscodeSession } from '../channel/transcode.ts';
import { ownerMoved } from '../channel/waiters.ts';
import { STORAGE_FULL } from '../storage/errors.ts';
import { lastEntry, nextMsn } from '../timeline/log.ts';
import { parseSegmentName, segmentName } from '../timeline/names.ts';
import { chooseWork, ptsDistance } from './feed.ts';

/** Least tolerance at a boundary in 90 kHz ticks, for a source whose frame rate is unknown: a frame at 24 per second. */
const UNKNOWN_FRAME_TICKS = 3_750;

/** What the work API lets one session's agents do at the channel's owner. */
export class Desk {
  readonly #owner: ChannelOwner;
  readonly #session: TranscodeSession;

  constructor(owner: ChannelOwner, session: TranscodeSession) {
    this.#owner = owner;
    this.#session = session;
  }

  get tokenSha256(): string {
    return this.#session.tokenSha256;
  }

  /**
   * Begins a request; the returned function ends it. Throws TOO_MANY_REQUESTS (429): a token that has leaked may cost
   * its own session, not the edge.
   */
  enter(upload: boolean): () => void {
    const leave = this.#session.enter(upload);
    if (leave !== null) return leave;
    throw new SluiceError('This session has too many requests at a time', {
      code: 'TOO_MANY_REQUESTS',
      retryable: true,
      status: 429,
      retryAfterSeconds: 1,
    });
  }

  /** Marks a sign of life; false where a newer attempt works. */
  called(attempt: number): boolean {
    const { connected, attempt: before } = {
      connected: this.#session.connected(this.#owner.now()),
      attempt: this.#session.attempt,
    };
    const admitted = this.#session.called(attempt, this.#owner.now());
    if (admitted && (!connected || attempt !== before)) this.#owner.poke();
    return admitted;
  }

  /** Stored source segments that follow `after`; waits for one until `timeoutMs` have passed. */
  async work(epoch: number, after: number, attempt: number, signal: AbortSignal, timeoutMs: number): Promise<Work> {
    const look = (): Work | null => {
      const stop = this.#owner.session !== this.#session || attempt < this.#session.attempt;
      const work = chooseWork(this.#owner.publisher.stored(), epoch, after);
      if (!stop && work.segments.length === 0) return null;
      return { ...work, targetDurationSeconds: this.#owner.targetDurationSeconds ?? 1, stop };
    };
    try {
      return await this.#owner.waitForWork(look, signal, timeoutMs);
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'CHANNEL_UNKNOWN') throw error;
      const known = Math.max(epoch, 1);
      return { epoch: known, targetDurationSeconds: this.#owner.targetDurationSeconds ?? 1, segments: [], stop: false };
    }
  }

  /** Bytes of a stored source segment. Throws SEGMENT_UNKNOWN (404). */
  source(epoch: number, msn: number): Promise<Uint8Array> {
    const { uid } = this.#owner.route;
    return this.#owner.files.read(segmentName({ uid, epoch, rung: 'source', msn, attempt: 0 }));
  }

  /**
   * The source segment that an upload belongs to, asked before a byte of it is read; null where its time is over.
   * Throws RUNG_UNKNOWN (404), SEGMENT_UNKNOWN (404), EPOCH_OVER (410), and OWNER_MOVED (503) while the channel changes
   * hands.
   */
  expected(epoch: number, rung: string, msn: number): PendingSegment | null {
    if (!this.#session.rungs.includes(rung)) {
      throw new SluiceError(`This session has no rung "${rung}"`, {
        code: 'RUNG_UNKNOWN',
        retryable: false,
        status: 404,
      });
    }
    if (this.#owner.isClosed) throw ownerMoved();
    if (this.#owner.session !== this.#session) return null;
    const { log } = this.#owner.publisher;
    const segments = this.#owner.publisher.stored();
    const current = segments.at(-1)?.epoch ?? log?.epoch ?? 0;
    if (epoch !== current) {
      throw new SluiceError(`Epoch ${epoch} is over, ${current} has begun`, {
        code: 'EPOCH_OVER',
        retryable: false,
        status: 410,
      });
    }
    if (log !== null && msn < nextMsn(log)) return null;
    const source = segments.find((segment) => segment.msn === msn);
    if (source === undefined && this.#owner.publisher.expects(msn)) throw ownerMoved();
    if (source === undefined) {
      throw new SluiceError(`There is no source segment ${msn}`, {
        code: 'SEGMENT_UNKNOWN',
        retryable: false,
        status: 404,
      });
    }
    return source;
  }

  /**
   * Checks and stores one rung's segment. Throws SEGMENT_BROKEN (422), and the errors of {@link expected} and of the
   * storage; `known` where the segment is stored already, or its time is over.
   */
  async put(epoch: number, rung: string, msn: number, attempt: number, bytes: Uint8Array): Promise<'stored' | 'known'> {
    const source = this.expected(epoch, rung, msn);
    if (source === null) {
      if (this.#owner.session === this.#session) this.#owner.publisher.arrived(msn);
      return 'known';
    }
    checkSegment(bytes, source);
    if (!this.#session.claim(msn, rung)) return 'known';
    try {
      await this.#owner.files.write(segmentName({ uid: this.#owner.route.uid, epoch, rung, msn, attempt }), bytes);
    } catch (error) {
      if (error instanceof SluiceError && error.code === STORAGE_FULL) this.#owner.publisher.noRoom();
      throw error;
    } finally {
      this.#session.unclaim(attempt, msn, rung);
    }
    // Whoever owns the channel by now has not heard of it, and is given it again.
    if (this.#owner.isClosed) throw ownerMoved();
    if (attempt !== this.#session.attempt) return 'known';
    this.#session.stored(msn, rung);
    this.#owner.publisher.arrived(msn);
    this.#owner.poke();
    return 'stored';
  }

  report(report: AgentReport): void {
    this.#session.reported(report);
    this.#owner.poke();
  }

  /** Lets the source take over; true where nothing that is listed last comes from this attempt: then its pod may end. */
  drain(attempt: number): boolean {
    if (!this.#session.draining && attempt === this.#session.attempt) {
      this.#session.drain();
      this.#owner.poke();
    }
    const { log } = this.#owner.publisher;
    const newest = log === null ? null : lastEntry(log);
    if (newest === null || this.#owner.activeMode === 'Idle') return true;
    return !Object.values(newest.names).some((name) => parseSegmentName(name)?.attempt === attempt);
  }
}

/** Where desks are found: the media side. */
export type SessionOwners = Pick<MediaSide, 'ownerOfSession'>;

/** The desk of a session by its namespace and name; null where this edge knows no such session. */
export function findDesk(owners: SessionOwners, namespace: string, name: string): Desk | null {
  const owner = owners.ownerOfSession(namespace, name);
  const session = owner?.sessionNamed(name) ?? null;
  return owner === null || session === null ? null : new Desk(owner, session);
}

function broken(message: string, cause?: unknown): SluiceError {
  return new SluiceError(message, { code: 'SEGMENT_BROKEN', retryable: false, status: 422, cause });
}

function inspect(bytes: Uint8Array): SegmentInspection {
  try {
    return inspectSegment(bytes);
  } catch (error) {
    throw broken(`The segment is no whole MPEG-TS file: ${error instanceof Error ? error.message : 'unknown'}`, error);
  }
}

/** A rung's segment must be whole, begin with a keyframe, and begin where its source segment does. */
function checkSegment(bytes: Uint8Array, source: PendingSegment): void {
  const inspection = inspect(bytes);
  if (inspection.video === null) throw broken('The segment has no video');
  if (!inspection.video.startsWithKeyframe) throw broken('The segment does not begin with a keyframe');
  if (inspection.continuityErrors > 0) throw broken(`The segment has ${inspection.continuityErrors} continuity errors`);
  const expected = source.download.state === 'stored' ? source.download.inspection?.video : null;
  if (!expected) return;
  const frameTicks = expected.frameRateMilli > 0 ? 90_000_000 / expected.frameRateMilli : UNKNOWN_FRAME_TICKS;
  const distance = ptsDistance(inspection.video.firstPts, expected.firstPts);
  if (Math.abs(distance) > frameTicks) {
    throw broken(`The segment begins ${distance} ticks of 90 kHz away from its source segment`);
  }
}
