import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Mode } from '@sluice/common/link/mode.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { playlistViolations, updateViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import type { SourceClient } from '../source/client.ts';
import { sourceError } from '../source/errors.ts';
import { intake, type KnownSegment, remember } from '../source/intake.ts';
import { isDateRange } from '../source/markers.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { bytesOf, nextMsn, type TimelineEntry } from '../timeline/log.ts';
import { mapName, segmentName } from '../timeline/names.ts';
import { mediaPlaylist } from '../timeline/playlist.ts';
import { publishedCopy } from './copy.ts';
import { originOf } from './materialise.ts';
import { MemoryFiles } from './memory-files.testing.ts';
import { type Heir, type Legacy, legacyOf } from './model-heirs.testing.ts';
import { ModelSource, SEGMENT, type Turn } from './model-source.testing.ts';
import { constantLagMs } from './pace.ts';
import { Publisher } from './publisher.ts';
import type { PublisherContext } from './publisher-context.ts';
import { TranscodeSession } from './transcode.ts';

const UID = '11112222-3333';
const RUNGS = ['source', 'high', 'low'];

const SESSION = { name: 's', uid: 's', tokenSha256: '', rungs: ['high', 'low'] };

/** What happens to a channel, step by step. */
export type Event =
  | { readonly kind: 'pass'; readonly looks: number }
  | { readonly kind: 'mode'; readonly mode: Mode }
  | { readonly kind: 'restart'; readonly firstMsn: number }
  | { readonly kind: 'turn'; readonly turn: Turn }
  | { readonly kind: 'jump'; readonly segments: number }
  | { readonly kind: 'sleep'; readonly seconds: number }
  | { readonly kind: 'encode'; readonly rungs: number }
  | { readonly kind: 'attempt' }
  | { readonly kind: 'full'; readonly isFull: boolean }
  | { readonly kind: 'squeeze' }
  | { readonly kind: 'owner'; readonly heir: Heir }
  | { readonly kind: 'end' };

/** A channel in a model world: everything of it but files, sockets and time is real. */
export class World {
  readonly clock = new VirtualClock(1_000_000, async () => {
    await nextTurn();
  });
  readonly files = new MemoryFiles();
  readonly source: ModelSource;
  readonly #client: SourceClient;
  #publisher: Publisher;
  /** As the Channel's status tells it to whoever is owner next. */
  #resume: Route['resume'] = null;
  #session = new TranscodeSession(SESSION);
  readonly problems: string[] = [];
  #known: readonly KnownSegment[] = [];
  #behind = 0;
  #before: number | null = null;
  #polls = new Map<string, ReturnType<typeof parseMediaPlaylist>>();
  #encoded = 0;
  #attempt = 1;
  #mode: Mode = 'Direct';
  readonly #fragmented: boolean;

  constructor(window: number, firstMsn: number, fragmented: boolean) {
    this.#fragmented = fragmented;
    this.source = new ModelSource(firstMsn, window, fragmented);
    this.#client = {
      read: async ({ url }) => {
        if (this.source.lost.has(url)) throw sourceError('SOURCE_NOT_FOUND', 'gone');
        return {
          status: 200,
          bytes: this.source.bytes(url),
          url,
          contentLength: null,
          etag: null,
          lastModified: null,
          allowOrigin: null,
        };
      },
      close: async () => undefined,
    };
    this.#publisher = this.#open({ log: null, underWay: null });
  }

  /** The owner's. */
  get publisher(): Publisher {
    return this.#publisher;
  }

  #open({ log, underWay }: Legacy): Publisher {
    const context: PublisherContext = {
      clock: this.clock,
      client: this.#client,
      files: this.files,
      view: () => ({
        uid: UID,
        headers: { origin: '', values: {} },
        mode: this.#mode,
        rungs: RUNGS,
        resume: this.#resume,
        session: this.#session,
        lagMs: (seconds) => constantLagMs(seconds, true),
      }),
      save: async () => undefined,
      changed: () => this.poll(),
      trouble: () => undefined,
      published: () => undefined,
    };
    return new Publisher(context, log, underWay);
  }

  /** Another edge becomes the owner; the one before stops at once, and its files can be had unless nobody has anything. */
  async #succeed(heir: Heir): Promise<void> {
    const { log } = this.#publisher;
    if (log !== null) this.#resume = { epoch: log.epoch, lastMsn: nextMsn(log) - 1 };
    const legacy = legacyOf(heir, this.#publisher, this.#session, this.clock.now());
    this.#publisher.close();
    await this.#publisher.idle();
    if (heir === 'bare') await this.files.clear();
    this.#known = legacy.log === null ? [] : publishedCopy(legacy.log, this.#known).known;
    this.#behind = 0;
    this.#before = null;
    this.#session = new TranscodeSession(SESSION);
    if (legacy.underWay?.session != null) this.#session.goOn(legacy.underWay.session, this.clock.now());
    this.#publisher = this.#open(legacy);
  }

  look(): void {
    const now = this.clock.now();
    const playlist = this.source.playlist();
    const taken = intake(this.#known, playlist, this.#behind);
    this.#behind = taken.kind === 'stale' ? this.#behind + 1 : 0;
    if (taken.kind !== 'stale') {
      this.#known = remember(this.#known, taken);
      this.#publisher.take(taken, playlist, now, this.#before);
    }
    this.#before = now;
  }

  async encode(): Promise<void> {
    this.#session.called(this.#attempt, this.clock.now());
    const listed = this.#publisher.log === null ? 0 : nextMsn(this.#publisher.log);
    for (const segment of this.#publisher.stored()) {
      for (const rung of ['high', 'low'].slice(0, this.#encoded)) {
        // Two encoder runs after each other write the same section.
        const bytes = Buffer.from(`${rung} ${Math.floor(this.#attempt / 2)}`);
        const section = this.#fragmented ? mapName(UID, segment.epoch, bytes, rung) : null;
        if (segment.msn < listed || !this.#session.claim(this.#attempt, segment.msn, rung, section)) continue;
        const id = { uid: UID, epoch: segment.epoch, rung, msn: segment.msn, attempt: this.#attempt };
        const isStored = await this.#store(section, bytes, segmentName(id, section === null ? 'ts' : 'm4s')).then(
          () => true,
          () => false,
        );
        if (isStored) this.#session.stored(segment.msn, rung, section);
        this.#session.unclaim(this.#attempt, segment.msn, rung);
      }
    }
  }

  async #store(section: string | null, bytes: Uint8Array, name: string): Promise<void> {
    if (section !== null && !this.files.has(section)) await this.files.write(section, bytes);
    await this.files.write(name, SEGMENT);
  }

  async happen(event: Event): Promise<void> {
    if (event.kind === 'pass') await this.pass(event.looks);
    else if (event.kind === 'mode') this.#mode = event.mode;
    else if (event.kind === 'restart') this.source.restart(event.firstMsn);
    else if (event.kind === 'turn') this.source.take(event.turn);
    else if (event.kind === 'encode') this.#encoded = event.rungs;
    else if (event.kind === 'attempt') this.#attempt += 1;
    else if (event.kind === 'full') this.files.isFull = event.isFull;
    else if (event.kind === 'squeeze') this.files.squeeze();
    else if (event.kind === 'owner') await this.#succeed(event.heir);
    else if (event.kind === 'end') await this.end();
    else if (event.kind === 'jump') for (let count = 0; count < event.segments; count += 1) this.source.appear();
    else await this.sleep(event.seconds);
    this.#publisher.pump();
    await this.clock.advance(0);
  }

  async pass(looks: number): Promise<void> {
    for (let count = 0; count < looks; count += 1) {
      this.source.appear();
      this.look();
      await this.clock.advance(500);
      await this.encode();
      await this.clock.advance(1_500);
    }
  }

  /** The source ends; whatever happens next, it goes on. */
  async end(): Promise<void> {
    this.source.hasEnded = true;
    this.look();
    await this.clock.advance(10_000);
    const { log, caughtUp } = this.#publisher;
    const isEnded = log !== null && mediaPlaylist(log, 'low').endsWith('#EXT-X-ENDLIST\n');
    if (caughtUp && log !== null && log.entries.length > 0 && !isEnded)
      this.problems.push('no EXT-X-ENDLIST at the end');
  }

  async sleep(seconds: number): Promise<void> {
    this.#publisher.sleep();
    const { log } = this.#publisher;
    if (log !== null) this.#known = this.#known.filter((one) => one.msn < nextMsn(log) - log.msnOffset);
    await this.clock.advance(0);
    for (let passed = 0; passed < seconds; passed += 2) this.source.appear();
    await this.clock.advance(seconds * 1000);
    if (seconds > 24) await this.#publisher.forget();
    this.#before = null;
  }

  /** Compares what clients see now with what they saw before. */
  poll(): void {
    const { log } = this.#publisher;
    if (log === null || log.entries.length === 0) return;
    const texts = RUNGS.map((rung) => mediaPlaylist(log, rung));
    const playlists = texts.map(parseMediaPlaylist);
    RUNGS.forEach((rung, index) => {
      const playlist = playlists[index];
      if (playlist === undefined) return;
      const before = this.#polls.get(rung);
      if (before !== undefined) {
        // Whoever has seen the end is gone when the source goes on; numbers are right for those who come then, too.
        const isAnother = before.ended && playlist.entries.at(-1)?.msn !== before.entries.at(-1)?.msn;
        const seen = isAnother ? { ...before, ended: false } : before;
        this.problems.push(...updateViolations(seen, playlist).map((text) => `${rung}: ${text}`));
      }
      const mixed = playlistViolations(playlist).filter((text) => text.includes('EXT-X-MAP'));
      this.problems.push(...mixed.map((text) => `${rung}: ${text}`));
      this.#polls.set(rung, playlist);
      const source = playlists[0];
      const differs =
        playlist.mediaSequence !== source?.mediaSequence ||
        playlist.entries.some((entry, at) => entry.discontinuity !== source.entries[at]?.discontinuity);
      if (differs) this.problems.push(`${rung}: numbers or discontinuities differ from the source's rendition`);
    });
    this.#checkFiles();
  }

  /** What the source says of a segment is what is listed of it. */
  #checkFacts(entry: TimelineEntry): void {
    const source = this.source.byDate.get(entry.dateTime ?? '');
    if (source === undefined) {
      this.problems.push(`${entry.msn} has the date of no segment`);
      return;
    }
    const { names, range, mapRange, keys = [], markers = [] } = entry;
    const isStored = names.source?.startsWith('s/') === true;
    const cues = (lines: readonly string[]): string => lines.filter((line) => !isDateRange(line)).join();
    const wrong = [
      source.gap && !entry.gap && 'is no gap',
      source.discontinuity && !entry.discontinuity && 'has no discontinuity',
      !entry.gap && keys.join() !== source.keys.map(({ tag }) => tag).join() && `has the keys ${keys}`,
      cues(markers) !== cues(source.markers) && `has the markers ${markers}`,
      !entry.gap && (range !== undefined) !== (source.range !== null && !isStored) && 'has a wrong range',
      (mapRange !== undefined) !== (!entry.gap && !isStored && source.map?.range != null) && 'has a wrong map range',
    ];
    this.problems.push(...wrong.filter((what) => what !== false).map((what) => `${source.uri}: ${what}`));
  }

  #checkFiles(): void {
    const { log } = this.#publisher;
    for (const rung of RUNGS) {
      let previous: string | null = null;
      for (const entry of log?.entries ?? []) {
        const name = entry.names[rung] ?? '';
        this.#checkFacts(entry);
        if (entry.gap) continue;
        if (name.startsWith('s/') && !this.files.content.has(name)) this.problems.push(`${name} is listed, not stored`);
        const map = bytesOf(entry, rung)?.map ?? null;
        if (map !== null && name.startsWith('s/') && !this.files.content.has(map)) {
          this.problems.push(`${map} is needed by ${name}, not stored`);
        }
        // Files of a rung are in a folder of its own: its section is that of the encoder.
        const isOwn = map === null || !name.startsWith('s/') || map.split('/')[2] === name.split('/')[2];
        if ((map === null) === this.#fragmented || !isOwn) this.problems.push(`${name} has the map ${map}`);
        if (rung === 'source' && originOf(name) !== 'source') this.problems.push(`${name} in the source's rendition`);
        if (this.#fragmented) continue;
        if (entry.keys !== undefined) {
          previous = originOf(name);
          continue;
        }
        const origin = originOf(name);
        const joint = ((this.files.content.get(name)?.[5] ?? 0) & 0x80) !== 0;
        if (previous !== null && previous !== origin && !entry.discontinuity && !joint) {
          this.problems.push(`${name} follows ${previous} without a joint`);
        }
        previous = origin;
      }
    }
  }
}
