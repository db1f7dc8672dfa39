import { setTimeout as sleep } from 'node:timers/promises';
import { createViewerClient, type ViewerClient } from './client.ts';
import { type CrowdReport, CrowdTally } from './crowd-tally.ts';
import { type MediaPlaylist, parseMediaPlaylist } from './media-playlist.ts';
import { leave, type MemberOptions, playOn } from './member.ts';
import type { OwnLateness } from './own-lateness.ts';

/** Virtual viewers of one channel. */
export interface CrowdOptions {
  readonly edgeUrl: string;
  readonly namespace: string;
  readonly channel: string;
  readonly count: number;
  readonly rung: string;
  readonly fetchesSegments: boolean;
  /** Whether they send heartbeats as the viewer page does, and say there when they cannot reach a Direct source. */
  readonly heartbeats: boolean;
  /** Start of their session ids; two crowds with the same one would be the same viewers. */
  readonly sessionPrefix: string;
  /** How fast they come; 50 a second if left out. */
  readonly arrivalsPerSecond?: number;
  /** When the first one comes; at once if left out. */
  readonly firstArrivalSeconds?: number;
  /** Viewers who go and are replaced by others; all stay to the end if left out. */
  readonly churn?: Churn;
  /** How many of them hold each playlist against the rules of RFC 8216bis; none if left out. */
  readonly checks?: number;
  /** Is told of each stall and each problem but a lost connection, in words. */
  readonly tell?: (trouble: string) => void;
  /** When this process itself was late: stalls by that are told apart. */
  readonly lateness?: Pick<OwnLateness, 'within'>;
  /** HTTP of one viewer; {@link createViewerClient} if left out, which bears a thousand. */
  readonly createClient?: () => ViewerClient;
}

/** How viewers come and go. */
export interface Churn {
  /** How long they stay in the mean; the times are distributed exponentially, as those of people who zap. */
  readonly meanStaySeconds: number;
  /** Share of those who go without a word, 0 to 1. */
  readonly crashShare: number;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

/** Viewers that watch until they are stopped, whatever goes wrong meanwhile. */
export interface Crowd {
  report(): CrowdReport;
  /** All of them leave. @returns how many could say so */
  stop(): Promise<number>;
}

/** They do not arrive in the same instant, as people do not; a hundred are there after two seconds. */
const ARRIVALS_PER_SECOND = 50;
/** Playlists that a crowd remembers to have read: far more than it sees within one target duration. */
const MAX_READ_PLAYLISTS = 64;

/** Lets viewers arrive one after the other, and go and come again where there is churn. */
export function startCrowd(options: CrowdOptions): Crowd {
  const tally = new CrowdTally(options.tell, options.lateness);
  const stopping = new Stopping();
  const member = createMember(options, tally, stopping);
  const { arrivalsPerSecond = ARRIVALS_PER_SECOND, firstArrivalSeconds = 0 } = options;

  async function live(index: number): Promise<boolean> {
    const arrival = stopping.signal();
    await sleep((firstArrivalSeconds + index / arrivalsPerSecond) * 1000, undefined, arrival).catch(() => {});
    arrival.forget();
    let left = false;
    for (let life = 0; !stopping.isAsked; life += 1) left = await member(index, life);
    return left;
  }

  const lives = Array.from({ length: options.count }, (_, index) => live(index));
  return {
    report: () => tally.report(),
    async stop() {
      stopping.ask();
      return (await Promise.all(lives)).filter(Boolean).length;
    },
  };
}

/** A signal of its own for each viewer: thousands of listeners at one signal take each other's time. */
interface OwnSignal {
  readonly signal: AbortSignal;
  readonly abort: () => void;
  readonly forget: () => void;
}

/** The end of a crowd, for all who are to hear of it. */
class Stopping {
  readonly #hearers = new Set<() => void>();
  #isAsked = false;

  get isAsked(): boolean {
    return this.#isAsked;
  }

  ask(): void {
    this.#isAsked = true;
    for (const hear of this.#hearers) hear();
  }

  /** A signal that is given at the end, or before it by who asked for it. */
  signal(): OwnSignal {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    this.#hearers.add(abort);
    if (this.#isAsked) abort();
    return { signal: controller.signal, abort, forget: () => this.#hearers.delete(abort) };
  }
}

/** What lets one viewer of a crowd live until it goes, and says whether it has said goodbye. */
function createMember(
  options: CrowdOptions,
  tally: CrowdTally,
  stopping: Stopping,
): (index: number, life: number) => Promise<boolean> {
  const { createClient = () => createViewerClient({}), checks = 0, sessionPrefix, churn } = options;
  const readPlaylist = createPlaylistReader();
  return async (index, life) => {
    const session = `${sessionPrefix}-${index}${life === 0 ? '' : `-${life}`}`;
    const checksPlaylists = index < checks;
    const member: MemberOptions = { ...options, session, checksPlaylists, discardsSegments: true, readPlaylist };
    const client = createClient();
    const { signal, abort, forget } = stopping.signal();
    let crashed = false;
    const cancelEnd = planEnd(churn, (crashes) => {
      crashed = crashes;
      abort();
      // In the middle of whatever it was doing.
      if (crashes) void client.close();
    });
    tally.came();
    await playOn(member, client, tally, signal);
    cancelEnd();
    forget();
    const left = !crashed && (await leave(member, client));
    await client.close();
    tally.went(session);
    return left;
  };
}

/** Calls `end` when a viewer goes, if it goes by itself. @returns what cancels that */
function planEnd(churn: Churn | undefined, end: (crashes: boolean) => void): () => void {
  if (churn === undefined) return () => {};
  const { meanStaySeconds, crashShare, random } = churn;
  // At most ten times the mean, so that a test's end is not open.
  const staySeconds = Math.min(-Math.log(1 - random()), 10) * meanStaySeconds;
  const timer = setTimeout(() => end(random() < crashShare), staySeconds * 1000);
  return () => clearTimeout(timer);
}

/** Reads playlists, each text once: most viewers of a crowd get the same ones. */
function createPlaylistReader(): (text: string) => MediaPlaylist {
  const known = new Map<string, MediaPlaylist>();
  return (text) => {
    const read = known.get(text) ?? parseMediaPlaylist(text);
    if (known.size >= MAX_READ_PLAYLISTS) known.clear();
    known.set(text, read);
    return read;
  };
}
