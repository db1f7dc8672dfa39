import { SluiceError } from '@sluice/common/errors/error.ts';
import type { AgentReport, Work } from '@sluice/common/work/contract.ts';
import type { MediaSide } from '../channel/media-side.ts';
import type { ChannelOwner } from '../channel/owner.ts';
import type { PendingSegment } from '../channel/pending.ts';
import type { TranscodeSession } from '../channel/transcode.ts';
import { ownerMoved } from '../channel/waiters.ts';
import { segmentUnknown } from '../replication/segments.ts';
import { STORAGE_FULL } from '../storage/errors.ts';
import { lastEntry, nextMsn } from '../timeline/log.ts';
import { isStoredName, mapName, parseSegmentName, type SegmentId, segmentName } from '../timeline/names.ts';
import { broken, checkSegment } from './check-segment.ts';
import { chooseWork } from './feed.ts';
import { checkFragment, splitUpload } from './fragment-upload.ts';

/** How far an agent is. */
export interface WorkQuestion {
  /** 0 before the first work. */
  readonly epoch: number;
  /** Newest segment taken; -1 before the first. */
  readonly after: number;
  readonly attempt: number;
  /** What it was told last of the source's end; undefined where it does not care. */
  readonly ended: boolean | undefined;
}

/** A file that an upload becomes. */
interface UploadedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

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
   * @param uploadBytes of an upload; null for any other request
   */
  enter(uploadBytes: number | null): () => void {
    const leave = this.#session.enter(uploadBytes);
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

  /**
   * Stored source segments that follow the agent's; waits until `timeoutMs` have passed for one, or for the end of the
   * source, or for its going on.
   */
  async work(
    { epoch, after, attempt, ended: known }: WorkQuestion,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Work> {
    const look = (): Work | null => {
      const stop = this.#owner.session !== this.#session || attempt < this.#session.attempt;
      const work = chooseWork(this.#owner.publisher.stored(), epoch, after);
      const ended = this.#owner.publisher.hasWhole;
      const isNews = known !== undefined && known !== ended;
      if (!stop && !isNews && work.segments.length === 0) return null;
      return { ...work, targetDurationSeconds: this.#owner.targetDurationSeconds ?? 1, ended, stop };
    };
    try {
      return await this.#owner.waitForWork(look, signal, timeoutMs);
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'CHANNEL_UNKNOWN') throw error;
      const same = { epoch: Math.max(epoch, 1), ...(known === undefined ? {} : { ended: known }) };
      return { ...same, targetDurationSeconds: this.#owner.targetDurationSeconds ?? 1, segments: [], stop: false };
    }
  }

  /** Bytes of a stored source segment. Throws SEGMENT_UNKNOWN (404). */
  source(epoch: number, msn: number): Promise<Uint8Array> {
    const { files, route } = this.#owner;
    const id = { uid: route.uid, epoch, rung: 'source', msn, attempt: 0 };
    const fragment = segmentName(id, 'm4s');
    return files.read(files.has(fragment) ? fragment : segmentName(id));
  }

  /** Bytes of the initialization section that a stored source segment needs. Throws SEGMENT_UNKNOWN (404). */
  init(epoch: number, msn: number): Promise<Uint8Array> {
    const { files, publisher } = this.#owner;
    const isIt = (one: { readonly epoch: number; readonly msn: number }) => one.epoch === epoch && one.msn === msn;
    const download = publisher.stored().find(isIt)?.download;
    const map = download?.state === 'stored' ? download.map : (publisher.log?.entries.find(isIt)?.map ?? null);
    if (map === null || !isStoredName(map)) return Promise.reject(segmentUnknown(`init/${epoch}/${msn}`));
    return files.read(map);
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
    const files = this.#checked(rung, { uid: this.#owner.route.uid, epoch, rung, msn, attempt }, bytes, source);
    const section = files.length > 1 ? (files[0]?.name ?? null) : null;
    if (!this.#session.claim(attempt, msn, rung, section)) return 'known';
    try {
      await this.#store(files);
    } catch (error) {
      if (error instanceof SluiceError && error.code === STORAGE_FULL) this.#owner.publisher.noRoom();
      throw error;
    } finally {
      this.#session.unclaim(attempt, msn, rung);
    }
    // Whoever owns the channel by now has not heard of it, and is given it again.
    if (this.#owner.isClosed) throw ownerMoved();
    if (attempt !== this.#session.attempt) return 'known';
    this.#session.stored(msn, rung, section);
    this.#owner.publisher.arrived(msn);
    this.#owner.poke();
    return 'stored';
  }

  /** The files that an upload becomes, the last one the segment itself. Throws SEGMENT_BROKEN (422). */
  #checked(rung: string, id: SegmentId, bytes: Uint8Array, source: PendingSegment): readonly UploadedFile[] {
    const { download } = source;
    if (source.source.map === null || download.state !== 'stored') {
      checkSegment(bytes, source);
      return [{ name: segmentName(id), bytes }];
    }
    const { spans } = download;
    if (spans === null) throw broken('The source segment cannot be read, so that nothing can be compared with it');
    const upload = splitUpload(bytes);
    checkFragment(upload, { spans, height: this.#heightOf(rung, spans.init.video?.height ?? 0) });
    return [
      { name: mapName(id.uid, id.epoch, upload.section, rung), bytes: upload.section },
      { name: segmentName(id, 'm4s'), bytes: upload.segment },
    ];
  }

  /** Pixels that a rung has: 4:2:0 wants an even number of lines, and none is higher than the source. */
  #heightOf(rung: string, sourceHeight: number): number {
    const height = this.#owner.ladder.find(({ name }) => name === rung)?.height ?? sourceHeight;
    // A section may leave the size to the parameter sets.
    return 2 * Math.floor(Math.min(height, sourceHeight === 0 ? height : sourceHeight) / 2);
  }

  async #store(files: readonly UploadedFile[]): Promise<void> {
    const stored = this.#owner.files;
    // A section is there already, but for the first segment of an encoder run; a segment is written anew.
    const [segment] = files.slice(-1);
    for (const file of files) if (file === segment || !stored.has(file.name)) await stored.write(file.name, file.bytes);
  }

  report(report: AgentReport): void {
    this.#session.reported(report);
    this.#owner.poke();
  }

  /**
   * Lets the source take over; true where nothing that is listed last comes from this attempt, or nothing follows it any
   * more: then its pod may end.
   */
  drain(attempt: number): boolean {
    if (!this.#session.draining && attempt === this.#session.attempt) {
      this.#session.drain();
      this.#owner.poke();
    }
    const { log } = this.#owner.publisher;
    const newest = log === null ? null : lastEntry(log);
    if (newest === null || log?.ended === true || this.#owner.activeMode === 'Idle') return true;
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
