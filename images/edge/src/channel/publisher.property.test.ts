import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Mode } from '@sluice/common/link/messages.ts';
import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { playlistViolations, updateViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import fc from 'fast-check';
import type { SourceClient } from '../source/client.ts';
import { sourceError } from '../source/errors.ts';
import { intake, type KnownSegment, remember } from '../source/intake.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { storageFull } from '../storage/errors.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { Standing } from '../storage/room.ts';
import { makeSegment } from '../testing/segment.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { nextMsn } from '../timeline/log.ts';
import { segmentName } from '../timeline/names.ts';
import { mediaPlaylist } from '../timeline/playlist.ts';
import { originOf } from './materialise.ts';
import { constantLagMs } from './pace.ts';
import { Publisher } from './publisher.ts';
import { TranscodeSession } from './transcode.ts';

const UID = '11112222-3333';
const RUNGS = ['source', 'high', 'low'];
const SEGMENT = makeSegment({ startSeconds: 0, durationSeconds: 0.4 });
const FRAGMENT = makeFragment({ startSeconds: 0, durationSeconds: 0.4 });

/** Files in memory, on a volume that may be full. */
class MemoryFiles implements ChannelFiles {
  readonly content = new Map<string, Uint8Array>();
  isFull = false;
  #standingOf: (name: string) => Standing = () => 'kept';

  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (this.isFull) throw storageFull();
    this.content.set(name, bytes);
  }

  async read(name: string): Promise<Uint8Array> {
    return this.content.get(name) ?? Promise.reject(new Error(`no ${name}`));
  }

  has(name: string): boolean {
    return this.content.has(name);
  }

  find(): null {
    return null;
  }

  names(): readonly string[] {
    return [...this.content.keys()];
  }

  rank(standingOf: (name: string) => Standing): void {
    this.#standingOf = standingOf;
  }

  async remove(name: string): Promise<void> {
    this.content.delete(name);
  }

  async clear(): Promise<void> {
    this.content.clear();
  }

  bytes(): number {
    return 0;
  }

  /** Others need room: whatever may go goes. */
  squeeze(): void {
    for (const name of this.names()) if (this.#standingOf(name) !== 'kept') this.content.delete(name);
  }
}

/** What happens to a channel, step by step. */
type Event =
  | { readonly kind: 'pass'; readonly looks: number }
  | { readonly kind: 'mode'; readonly mode: Mode }
  | { readonly kind: 'restart'; readonly firstMsn: number }
  | { readonly kind: 'break' }
  | { readonly kind: 'jump'; readonly segments: number }
  | { readonly kind: 'lose' }
  | { readonly kind: 'sleep'; readonly seconds: number }
  | { readonly kind: 'encode'; readonly rungs: number }
  | { readonly kind: 'attempt' }
  | { readonly kind: 'full'; readonly isFull: boolean }
  | { readonly kind: 'squeeze' };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass' as const), looks: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('mode' as const),
      mode: fc.constantFrom<Mode>('Direct', 'Proxy', 'Transcode'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), firstMsn: fc.nat(2000) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'break' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), segments: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('sleep' as const), seconds: fc.integer({ min: 1, max: 120 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('encode' as const), rungs: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'attempt' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('full' as const), isFull: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'squeeze' as const }) },
);

const pass = (looks: number): Event => ({ kind: 'pass', looks });

/** An initialization section is due to go just when the channel, awake again, has found it in its folder. */
const SECTION_THAT_COMES_BACK: Event[] = [
  ...[5, 4, 8, 4].map(pass),
  { kind: 'sleep', seconds: 25 },
  pass(1),
  { kind: 'mode', mode: 'Direct' },
  { kind: 'mode', mode: 'Transcode' },
  pass(1),
  { kind: 'sleep', seconds: 1 },
];

/** An initialization section that only a transcoder's backlog needed is due to go when Proxy begins. */
const SECTION_THAT_WAS_REMOVED: Event[] = [
  ...[4, 4, 7, 6, 5, 8].map(pass),
  { kind: 'jump', segments: 1 },
  { kind: 'mode', mode: 'Transcode' },
  pass(1),
];

/** A source whose segments appear one by one; numbers, names and breaks are those of a real one. */
class ModelSource {
  #prefix = 'a';
  #segments: SourcePlaylist['segments'][number][] = [];
  #sequence = 0;
  #breakNext = false;
  next: number;
  readonly lost = new Set<string>();

  readonly #window: number;
  readonly #fragmented: boolean;

  constructor(firstMsn: number, window: number, fragmented: boolean) {
    this.#window = window;
    this.#fragmented = fragmented;
    this.next = firstMsn;
    for (let count = 0; count < window; count += 1) this.appear();
  }

  appear(): void {
    if (this.#breakNext) this.#sequence += 1;
    const uri = `http://source/${this.#name}`;
    this.#segments.push({
      msn: this.next,
      uri,
      durationSeconds: this.next % 3 === 0 ? 1.8 : 2,
      discontinuitySequence: this.#sequence,
      discontinuity: this.#breakNext,
      dateTime: null,
      range: null,
      map: this.#fragmented ? { uri: 'http://source/init.mp4', range: null } : null,
    });
    this.#segments = this.#segments.slice(-this.#window);
    this.next += 1;
    this.#breakNext = false;
  }

  break(): void {
    this.#breakNext = true;
  }

  lose(): void {
    this.lost.add(`http://source/${this.#name}`);
  }

  /** The bytes of a segment, or of the section that all of its time share, whose name never changes. */
  bytes(url: string): Uint8Array {
    if (url.endsWith('.ts')) return SEGMENT;
    return url.endsWith('.m4s') ? FRAGMENT : makeInit({ width: 320 + 16 * (this.#sequence % 50) });
  }

  get #name(): string {
    return `${this.#prefix}${this.next}.${this.#fragmented ? 'm4s' : 'ts'}`;
  }

  restart(firstMsn: number): void {
    this.#prefix += 'x';
    this.#segments = [];
    this.#sequence = 0;
    this.next = firstMsn;
    this.appear();
  }

  playlist(): SourcePlaylist {
    return {
      kind: 'media',
      targetDurationSeconds: 2,
      segments: this.#segments,
      windowSegments: this.#segments.length,
      ended: false,
      unsupported: null,
    };
  }
}

/** A channel in a model world: everything of it but files, sockets and time is real. */
class World {
  readonly clock = new VirtualClock(1_000_000, async () => {
    await nextTurn();
  });
  readonly files = new MemoryFiles();
  readonly source: ModelSource;
  readonly publisher: Publisher;
  readonly session = new TranscodeSession({ name: 's', uid: 's', tokenSha256: '', rungs: ['high', 'low'] });
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
    const client: SourceClient = {
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
    this.publisher = new Publisher(
      {
        clock: this.clock,
        client,
        files: this.files,
        view: () => ({
          uid: UID,
          headers: {},
          mode: this.#mode,
          rungs: RUNGS,
          resume: null,
          session: this.session,
          lagMs: (seconds) => constantLagMs(seconds, true),
        }),
        save: async () => undefined,
        changed: () => this.poll(),
        trouble: () => undefined,
      },
      null,
    );
  }

  look(): void {
    const now = this.clock.now();
    const playlist = this.source.playlist();
    const taken = intake(this.#known, playlist, this.#behind);
    this.#behind = taken.kind === 'stale' ? this.#behind + 1 : 0;
    if (taken.kind !== 'stale') {
      this.#known = remember(this.#known, taken);
      this.publisher.take(taken, playlist, now, this.#before);
    }
    this.#before = now;
  }

  async encode(): Promise<void> {
    this.session.called(this.#attempt, this.clock.now());
    const listed = this.publisher.log === null ? 0 : nextMsn(this.publisher.log);
    for (const segment of this.publisher.stored()) {
      for (const rung of ['high', 'low'].slice(0, this.#encoded)) {
        if (segment.msn < listed || !this.session.claim(segment.msn, rung)) continue;
        const name = segmentName({ uid: UID, epoch: segment.epoch, rung, msn: segment.msn, attempt: this.#attempt });
        const isStored = await this.files.write(name, SEGMENT).then(
          () => true,
          () => false,
        );
        if (isStored) this.session.stored(segment.msn, rung);
        this.session.unclaim(this.#attempt, segment.msn, rung);
      }
    }
  }

  async happen(event: Event): Promise<void> {
    if (event.kind === 'pass') await this.pass(event.looks);
    else if (event.kind === 'mode') {
      // What the channel sees to where fragmented MP4 is the obstacle.
      this.#mode = this.#fragmented && event.mode === 'Transcode' ? 'Proxy' : event.mode;
    } else if (event.kind === 'restart') this.source.restart(event.firstMsn);
    else if (event.kind === 'break') this.source.break();
    else if (event.kind === 'lose') this.source.lose();
    else if (event.kind === 'encode') this.#encoded = this.#fragmented ? 0 : event.rungs;
    else if (event.kind === 'attempt') this.#attempt += 1;
    else if (event.kind === 'full') this.files.isFull = event.isFull;
    else if (event.kind === 'squeeze') this.files.squeeze();
    else if (event.kind === 'jump') for (let count = 0; count < event.segments; count += 1) this.source.appear();
    else await this.sleep(event.seconds);
    this.publisher.pump();
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

  async sleep(seconds: number): Promise<void> {
    this.publisher.sleep();
    const { log } = this.publisher;
    if (log !== null) this.#known = this.#known.filter((one) => one.msn < nextMsn(log) - log.msnOffset);
    await this.clock.advance(0);
    for (let passed = 0; passed < seconds; passed += 2) this.source.appear();
    await this.clock.advance(seconds * 1000);
    if (seconds > 24) await this.publisher.forget();
    this.#before = null;
  }

  /** Compares what clients see now with what they saw before. */
  poll(): void {
    const { log } = this.publisher;
    if (log === null || log.entries.length === 0) return;
    const texts = RUNGS.map((rung) => mediaPlaylist(log, rung));
    const playlists = texts.map(parseMediaPlaylist);
    RUNGS.forEach((rung, index) => {
      const playlist = playlists[index];
      if (playlist === undefined) return;
      const before = this.#polls.get(rung);
      if (before !== undefined)
        this.problems.push(...updateViolations(before, playlist).map((text) => `${rung}: ${text}`));
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

  #checkFiles(): void {
    const { log } = this.publisher;
    for (const rung of RUNGS) {
      let previous: string | null = null;
      for (const entry of log?.entries ?? []) {
        const name = entry.names[rung] ?? '';
        if (entry.gap) continue;
        if (name.startsWith('s/') && !this.files.content.has(name)) this.problems.push(`${name} is listed, not stored`);
        if (entry.map !== null && name.startsWith('s/') && !this.files.content.has(entry.map)) {
          this.problems.push(`${entry.map} is needed by ${name}, not stored`);
        }
        if ((entry.map === null) === this.#fragmented) this.problems.push(`${name} has the map ${entry.map}`);
        if (this.#fragmented) continue;
        const origin = originOf(name);
        const joint = ((this.files.content.get(name)?.[5] ?? 0) & 0x80) !== 0;
        if (previous !== null && previous !== origin && !entry.discontinuity && !joint) {
          this.problems.push(`${name} follows ${previous} without a joint`);
        }
        if (rung === 'source' && origin !== 'source') this.problems.push(`${name} in the source's rendition`);
        previous = origin;
      }
    }
  }
}

describe('a channel whose world does anything', () => {
  test('keeps the rules of RFC 8216bis 6.2.1 and 6.2.2 at every pair of polls, in every rung', async () => {
    const seen = { transcode: 0, epochs: 0, gaps: 0, maps: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 5, maxLength: 30 }),
        fc.integer({ min: 4, max: 16 }),
        fc.nat(5000),
        fc.boolean(),
        async (events, window, firstMsn, fragmented) => {
          const world = new World(window, firstMsn, fragmented);
          await world.pass(3);
          for (const one of events) await world.happen(one);
          await world.happen({ kind: 'full', isFull: false });
          await world.pass(4);
          const { log } = world.publisher;
          world.publisher.close();
          expect(world.problems).toEqual([]);
          expect(log?.entries.length).toBeGreaterThan(2);
          seen.epochs += (log?.epoch ?? 1) - 1;
          seen.gaps += log?.entries.filter((entry) => entry.gap).length ?? 0;
          seen.maps += new Set(log?.entries.map(({ map }) => map)).size > 1 ? 1 : 0;
          seen.transcode += [...world.files.content.keys()].filter((name) => originOf(name) !== 'source').length;
        },
      ),
      {
        numRuns: 100,
        examples: [
          [SECTION_THAT_COMES_BACK, 4, 0, true],
          [SECTION_THAT_WAS_REMOVED, 4, 0, true],
        ],
      },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  });
});
