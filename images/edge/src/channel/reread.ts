import { SluiceError } from '@sluice/common/errors/error.ts';
import { withJoint } from '@sluice/common/mpegts/joint.ts';
import { segmentUnknown, segmentUnreachable } from '../replication/segments.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { type TimelineLog, urisOfEntry } from '../timeline/log.ts';
import { parseSegmentName } from '../timeline/names.ts';
import type { TimelineCopy } from './copy.ts';
import { type DownloadContext, downloadSegment } from './download.ts';
import { Inits } from './inits.ts';
import { lastsAsListed, type Rereadable, rereadable, wantedUntil } from './reread-plan.ts';

/** How long in ms a request waits for this edge's first look at the source: two target durations of the usual 6 s at most. */
const FIRST_LOOK_MS = 8_000;

/** What came of reading a file again. */
export type Reread = 'read' | 'lost';

/** What reading again needs: how a channel gets its segments, and who hears what comes of it. */
export interface RereadContext extends Omit<DownloadContext, 'inits' | 'targetDurationSeconds' | 'signal' | 'headers'> {
  /** Of the channel's source now. */
  readonly headers: () => DownloadContext['headers'];
  /** A file is here again; or it is lost: no edge has it, and the source has it no more. */
  readonly done: (result: Reread, name: string) => void;
}

/**
 * Segments that an owner before has listed and whose files no edge has: read again from the source, under their names,
 * as long as it has them. What a transcoder has made of them cannot be had again: it would be other bytes under a name
 * that never means others.
 */
export class Rereads {
  readonly #context: RereadContext;
  readonly #log: TimelineLog;
  readonly #known: TimelineCopy['known'];
  readonly #endsAt: number;
  readonly #inits = new Inits();
  readonly #abort = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Whatever else is asked for, by whoever makes names up, is nothing that was lost. */
  readonly #listed: ReadonlySet<string>;
  readonly #lost = new Set<string>();
  readonly #looks: (() => void)[] = [];
  #playlist: SourcePlaylist | null = null;
  /** Whoever has waited for the first look in vain has done so for all: nobody may want the channel any more. */
  #firstLook: Promise<void> | null = null;
  /** One at a time: a source is asked for what comes next at the same time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: RereadContext, { log, known }: Pick<TimelineCopy, 'log' | 'known'>) {
    this.#context = context;
    this.#log = log;
    this.#listed = new Set(log.entries.flatMap(urisOfEntry));
    this.#known = known;
    this.#endsAt = wantedUntil(log, context.clock.now());
  }

  /** This edge has looked at the source. */
  looked(playlist: SourcePlaylist): void {
    // Nobody can want anything any more: thousands of channels need not keep a playlist each.
    this.#playlist = this.#context.clock.now() < this.#endsAt ? playlist : null;
    for (const wake of this.#looks.splice(0)) wake();
  }

  /**
   * Resolves when the file is stored here again. Throws SEGMENT_UNKNOWN (404) for what cannot be had any more,
   * OWNER_UNREACHABLE (503) for what the source does not answer for now, and the errors of the storage.
   */
  get(name: string): Promise<void> {
    if (!this.#listed.has(name) || this.#lost.has(name)) return Promise.reject(segmentUnknown(name));
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const read = this.#turn.then(() => this.#get(name)).finally(() => this.#running.delete(name));
    this.#running.set(name, read);
    this.#turn = read.catch(() => undefined);
    return read;
  }

  /** Nothing is read any more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#abort.abort();
    for (const wake of this.#looks.splice(0)) wake();
    await this.#turn;
  }

  async #get(name: string): Promise<void> {
    const segment = await this.#segmentOf(name);
    if (this.#abort.signal.aborted) throw segmentUnreachable(this.#abort.signal.reason);
    if (segment === null) throw this.#lose(name);
    try {
      await this.#read(name, segment);
    } catch (error) {
      throw this.#failure(name, error);
    }
    this.#context.done('read', name);
  }

  /** What the source has to be asked for; null where that cannot be told. */
  async #segmentOf(name: string): Promise<Rereadable | null> {
    const id = parseSegmentName(name);
    if (id !== null && id.attempt > 0) return null;
    this.#firstLook ??= this.#look();
    await this.#firstLook;
    if (this.#playlist === null) throw segmentUnreachable('the source has not been read yet');
    return rereadable(name, { uid: this.#context.uid, log: this.#log, known: this.#known, playlist: this.#playlist });
  }

  #look(): Promise<void> {
    if (this.#playlist !== null || this.#abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#context.clock.after(FIRST_LOOK_MS, resolve);
      this.#looks.push(() => {
        cancel();
        resolve();
      });
    });
  }

  async #read(name: string, segment: Rereadable): Promise<void> {
    const { headers, files } = this.#context;
    const { signal } = this.#abort;
    const context = {
      ...{ ...this.#context, headers: headers(), inits: this.#inits, signal },
      targetDurationSeconds: this.#log.targetDurationSeconds,
    };
    const { source, sourceName, map, durationSeconds } = segment;
    const init = source.map === null ? null : (await this.#inits.get(segment, source.map, context)).name;
    // Another section under the source's one name for all of them.
    if (init !== map) throw segmentUnknown(name);
    if (name === init) return;
    const { inspection } = await downloadSegment(segment, context);
    if (!lastsAsListed(inspection, durationSeconds)) {
      await files.remove(sourceName);
      throw segmentUnknown(name);
    }
    // An alias of the source behind a change of origin: the same bytes behind joint packets.
    if (name !== sourceName && !signal.aborted) await files.write(name, withJoint(await files.read(sourceName)));
  }

  #failure(name: string, error: unknown): unknown {
    if (!(error instanceof SluiceError)) return error;
    if (GONE.has(error.code)) return this.#lose(name);
    return error.status === undefined ? segmentUnreachable(error) : error;
  }

  #lose(name: string): SluiceError {
    this.#lost.add(name);
    this.#context.done('lost', name);
    return segmentUnknown(name);
  }
}

/** Errors that asking again does not end: it is not there, it is another one, or it is no segment. */
const GONE: ReadonlySet<string> = new Set([
  'SEGMENT_UNKNOWN',
  'SOURCE_NOT_FOUND',
  'SEGMENT_BROKEN',
  'SOURCE_FORBIDDEN_ADDRESS',
]);
