import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Audience } from '@sluice/common/link/audience.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { ChannelLive, ChannelService, Departure, OwnersListener, PlaylistAnswer } from '../channel/service.ts';
import { segmentUnknown } from '../replication/segments.ts';

/** A route with everything at its default, for tests. */
export function routeOf(change: Partial<Route> = {}): Route {
  return {
    namespace: 'default',
    name: 'film',
    uid: 'uid-film',
    generation: 1,
    source: { uri: 'http://source.test/index.m3u8', headers: { Cookie: 'very-secret' }, facts: null },
    mode: 'Direct',
    minimumMode: 'Direct',
    maximumMode: 'Transcode',
    heartbeatSeconds: 30,
    timeoutSeconds: 60,
    identity: 'UrlSession',
    reportSigns: false,
    ladder: [{ name: '720p', height: 720, bitrateBps: 2_500_000 }],
    owners: [{ podName: 'edge-0', podUid: 'pod-uid', address: '127.0.0.1:8081' }],
    ownerTerm: 1,
    session: null,
    resume: null,
    ...change,
  };
}

/** An owner report with everything well, for tests. */
export function reportOf(change: Partial<OwnerReport> = {}): OwnerReport {
  return {
    uid: 'uid-film',
    ownerTerm: 1,
    activeMode: 'Direct',
    epoch: 1,
    lastMsn: 7,
    facts: null,
    health: { state: 'healthy', reason: 'Fresh', message: 'The source publishes' },
    directObstacle: null,
    transcodeObstacle: null,
    session: null,
    ...change,
  };
}

/** The operator's count of a channel, for tests. */
export function audienceOf(change: Partial<Audience> = {}): Audience {
  return { uid: 'uid-film', viewers: 0, peak: 0, state: 'known', mode: 'Direct', reason: 'one viewer', ...change };
}

/** A media side without media: it keeps what it is told and answers with texts that say what was asked. */
export class ChannelsDouble implements ChannelService {
  readonly localViewers = new Map<string, number>();
  readonly removed: string[] = [];
  targetDuration: number | null = 2;
  closed = false;
  departures = 0;
  sweeps = 0;
  readonly #channels = new Map<string, ChannelLive>();
  readonly #listeners = new Set<(report: OwnerReport) => void>();

  apply(route: Route): void {
    const key = `${route.namespace}/${route.name}`;
    const known = this.#channels.get(key);
    this.#channels.set(key, {
      route,
      activeMode: 'Idle',
      report: null,
      audience: null,
      ...(known?.route.uid === route.uid ? { ...known, route } : {}),
    });
  }

  async remove(uid: string): Promise<void> {
    this.removed.push(uid);
    for (const [key, { route }] of this.#channels) if (route.uid === uid) this.#channels.delete(key);
  }

  async sweep(): Promise<void> {
    this.sweeps += 1;
  }

  setAudience(audience: Audience): void {
    this.#change(audience.uid, { audience });
  }

  setLocalViewers(uid: string, viewers: number): void {
    this.localViewers.set(uid, viewers);
  }

  /** The owner says something new. */
  report(report: OwnerReport): void {
    this.#change(report.uid, { report, activeMode: report.activeMode });
    for (const listener of this.#listeners) listener(report);
  }

  async multivariant(key: string, sessionQuery: string, _signal: AbortSignal) {
    this.#find(key);
    return {
      text: `#EXTM3U\n# ${key}\nsource.m3u8${sessionQuery === '' ? '' : `?${sessionQuery}`}\n`,
      maxAgeSeconds: 0,
    };
  }

  async media(key: string, rung: string, _signal: AbortSignal) {
    const { route } = this.#find(key);
    if (rung !== 'source' && !route.ladder.some(({ name }) => name === rung)) {
      throw new SluiceError(`There is no rung ${rung}`, { code: 'RUNG_UNKNOWN', retryable: false, status: 404 });
    }
    return { text: `#EXTM3U\n# ${key} ${rung}\n`, maxAgeSeconds: 1 };
  }

  /** Playlists that are listed now; all others have to be waited for. */
  readonly listedPlaylists = new Map<string, PlaylistAnswer>();
  readonly askedFor: string[] = [];

  listed(key: string, rung: string): PlaylistAnswer | null {
    return this.listedPlaylists.get(`${key}/${rung}`) ?? null;
  }

  asked(key: string, rung: string): void {
    this.askedFor.push(`${key}/${rung}`);
  }

  /** Files that this edge has, or gets from another one. */
  readonly segments = new Set<string>();

  /** Files that this edge gets from another one and has no room for. */
  readonly passing = new Map<string, Uint8Array>();

  async segment(key: string, name: string): Promise<Uint8Array | null> {
    this.#find(key);
    const bytes = this.passing.get(name) ?? null;
    if (bytes === null && !this.segments.has(name)) throw segmentUnknown(name);
    return bytes;
  }

  targetDurationSeconds(_key: string): number | null {
    return this.targetDuration;
  }

  live(key: string): ChannelLive | null {
    return this.#channels.get(key) ?? null;
  }

  list(): readonly ChannelLive[] {
    return [...this.#channels.values()];
  }

  reports(): readonly OwnerReport[] {
    return this.list().flatMap(({ report }) => (report === null ? [] : [report]));
  }

  onPublished(_listener: (uid: string) => void): () => void {
    return () => {};
  }

  onFollowed(_listener: (uid: string) => void): () => void {
    return () => {};
  }

  onOwners(_listener: OwnersListener): () => void {
    return () => {};
  }

  onFetched(_listener: (bytes: number) => void): () => void {
    return () => {};
  }

  onReread(_listener: (result: 'read' | 'lost') => void): () => void {
    return () => {};
  }

  onReport(listener: (report: OwnerReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async leave(): Promise<Departure> {
    this.departures += 1;
    return { handedOver: 1, kept: 0 };
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #find(key: string): ChannelLive {
    const live = this.#channels.get(key);
    if (live !== undefined) return live;
    throw new SluiceError(`There is no channel ${key}`, { code: 'CHANNEL_UNKNOWN', retryable: false, status: 404 });
  }

  #change(uid: string, change: Partial<ChannelLive>): void {
    for (const [key, live] of this.#channels)
      if (live.route.uid === uid) this.#channels.set(key, { ...live, ...change });
  }
}
