import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMediaSide } from '../channel/channels.ts';
import type { MediaSide } from '../channel/media-side.ts';
import { goesBefore, ownershipOf } from '../channel/succession.ts';
import { OwnerLinks } from '../replication/owner-link.ts';
import { addressGuard } from '../source/address.ts';
import { createSourceClient } from '../source/client.ts';
import type { MediaVolume } from '../storage/volume.ts';
import { TestNetwork } from './network.ts';
import { testRoute } from './route.ts';
import { SourceServer } from './source-server.ts';
import { VirtualClock } from './virtual-clock.ts';
import { testVolume } from './volume.ts';

/** Turns of the event loop without request or file operation after which nothing more follows by itself. */
const QUIET_TURNS = 8;
/** Turns, a fraction of a millisecond, after which the machine is too busy to wait for it without sleeping. */
const EAGER_TURNS = 40;

/** See {@link SourceServer}. */
type SourceOptions = Omit<ConstructorParameters<typeof SourceServer>[0], 'now'>;

/** The media side on a virtual clock with a real source on loopback and a real folder. */
export class TestEdge {
  readonly clock: VirtualClock;
  readonly source: SourceServer;
  readonly reports: OwnerReport[] = [];
  readonly folder: string;
  readonly podUid: string;
  readonly network: TestNetwork;
  media: MediaSide;
  /** That of the process which runs now. */
  volume: MediaVolume;
  readonly #limitBytes: number | undefined;
  readonly #isFirst: boolean;
  #busy = 0;

  /**
   * @param limitBytes what its media volume may hold; more than any test stores if left out
   * @param source what is different about it
   */
  static async open(limitBytes?: number, source: SourceOptions = {}): Promise<TestEdge> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-edge-'));
    const edge = new TestEdge(folder, 'edge-1', null, limitBytes, source);
    await edge.source.listen();
    return edge;
  }

  private constructor(
    folder: string,
    podUid: string,
    first: TestEdge | null,
    limitBytes?: number,
    source: SourceOptions = {},
  ) {
    this.folder = folder;
    this.podUid = podUid;
    this.#isFirst = first === null;
    this.clock = first?.clock ?? new VirtualClock(Date.UTC(2026, 0, 1), this.settle);
    this.source = first?.source ?? new SourceServer({ now: this.clock.now, ...source });
    this.network = first?.network ?? new TestNetwork();
    this.#limitBytes = limitBytes;
    this.volume = testVolume(limitBytes, this.clock.now);
    this.media = this.#start();
  }

  /** Another edge with the same clock and source, on the same network. */
  async another(podUid: string, limitBytes?: number): Promise<TestEdge> {
    return new TestEdge(await mkdtemp(join(tmpdir(), 'sluice-edge-')), podUid, this, limitBytes);
  }

  /** Entry of a route's `owners` that names this edge. */
  get owner(): { podName: string; podUid: string; address: string } {
    return { podName: this.podUid, podUid: this.podUid, address: '10.0.0.1:8081' };
  }

  /** The newest report. */
  get report(): OwnerReport {
    const newest = this.reports.at(-1);
    if (newest === undefined) throw new Error('no report yet');
    return newest;
  }

  /** Waits until no request and no file operation is under way. */
  settle = async (): Promise<void> => {
    for (let quiet = 0, busyTurns = 0; quiet < QUIET_TURNS; quiet += 1) {
      await (quiet === 0 && busyTurns > EAGER_TURNS ? sleep(1) : nextTurn());
      const busy = this.#busy > 0 || process.getActiveResourcesInfo().some((name) => /^(FSReq|CloseReq)/.test(name));
      if (!busy) continue;
      quiet = -1;
      busyTurns += 1;
    }
  };

  /** Counts `work` as under way, for {@link settle}. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  /** Applies the test route with `changes`, lets the probe of its source end, and forgets what that asked. */
  async probed(changes: Partial<Route> = {}): Promise<void> {
    this.media.apply(testRoute(this.source.url, changes));
    await this.clock.advance(10);
    this.source.requests.length = 0;
  }

  /** What is stored of the test route's channel: paths below `s/`. @throws ENOENT where nothing is */
  files(): Promise<string[]> {
    return readdir(join(this.folder, 'live/default/film/s'), { recursive: true });
  }

  /** The media playlist's text, waiting as a viewer does, without letting time pass. */
  async playlist(rung = 'source', key = 'default/film'): Promise<string> {
    const answer = this.media.media(key, rung, AbortSignal.timeout(60_000));
    answer.catch(() => undefined);
    await this.clock.advance(0);
    return (await answer).text;
  }

  /** Ends the process's media side and begins another one on the same volume, `outageMs` later. */
  async restart(outageMs = 0): Promise<void> {
    this.network.remove(this.podUid);
    await this.media.close();
    await this.clock.advance(outageMs);
    this.volume = testVolume(this.#limitBytes, this.clock.now);
    this.media = this.#start();
  }

  async close(): Promise<void> {
    await this.media.close();
    if (this.#isFirst) await this.source.close();
    await rm(this.folder, { recursive: true });
  }

  #start(): MediaSide {
    const guard = addressGuard(['127.0.0.0/8']);
    const { clock } = this;
    const media = createMediaSide({
      connect: (targetDurationSeconds) => {
        const client = createSourceClient(guard, { clock, targetDurationSeconds });
        return { read: (request) => this.during(() => client.read(request)), close: () => client.close() };
      },
      links: new OwnerLinks(this.network.dialOf(this.podUid, this.clock), this.clock),
      segments: this.network.segmentsOf(this.podUid, this.clock, (path) => this.during(() => readFile(path))),
      ownership: this.network.ownershipOf(this.podUid, this.clock),
      mediaDirectory: this.folder,
      volume: this.volume,
      podUid: this.podUid,
      clock,
      logger: createLogger({ name: 'test', level: 'silent' }),
    });
    this.network.add(this.podUid, media, this.clock.now);
    // What the route table does in an edge.
    media.onOwners((uid, owners, ownerTerm) => {
      const route = media.list().find((live) => live.route.uid === uid)?.route;
      if (route === undefined || !goesBefore({ owners, term: ownerTerm }, ownershipOf(route))) return;
      media.apply({ ...route, owners, ownerTerm });
    });
    media.onReport((report) => this.reports.push(report));
    return media;
  }
}

/** The URIs of a media playlist. */
export function urisOf(playlist: string): string[] {
  return playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}
