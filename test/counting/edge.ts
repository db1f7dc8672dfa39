import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Audience } from '@sluice/common/link/audience.ts';
import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { Downlink } from '@sluice/edge/link/downlink.ts';
import { Peer, readFrame } from '@sluice/edge/link/peer.ts';
import { Uplink } from '@sluice/edge/link/uplink.ts';
import { Watches } from '@sluice/edge/link/watches.ts';
import type { AnsweredPoll } from '@sluice/edge/playlists/poll-log.ts';
import { AnsweredPolls } from '@sluice/edge/playlists/polls.ts';
import { WORTH_A_FILE } from '@sluice/edge/playlists/popularity.ts';
import { RouteTable } from '@sluice/edge/routes/table.ts';
import { Admissions } from '@sluice/edge/viewers/admissions.ts';
import { Audiences } from '@sluice/edge/viewers/audiences.ts';
import { createSessionIds, type SessionIds } from '@sluice/edge/viewers/session-id.ts';
import type { VirtualTime } from './virtual-time.ts';

/** As in the sidecar. */
const SWEEP_INTERVAL_MS = 250;
/** nginx writes its log of polls after a quarter of a second, and the sidecar looks ten times a second. */
const POLLS_LATE_MS = 300;
/** Of the channel's playlists. */
export const TARGET_DURATION_SECONDS = 2;

/** What a sidecar of the simulation is made of. */
export interface EdgeProcessOptions {
  readonly podUid: string;
  /** Another one for each start. */
  readonly instance: string;
  /** Whether another process served in this pod before. */
  readonly isRestart: boolean;
  readonly route: Route;
  readonly sessionKey: Uint8Array;
  readonly time: VirtualTime;
}

/** What became of a request: answered, refused with 429, or lost with the process. */
export type Outcome = 'ok' | 'refused' | 'lost';

/** One start of an edge's sidecar: its real register of viewers and its real end of the link's messages. */
export class EdgeProcess {
  readonly podUid: string;
  readonly instance: string;
  readonly audiences: Audiences;
  readonly sessionIds: SessionIds;
  readonly #admissions: Admissions;
  readonly #route: Route;
  readonly #polls: AnsweredPolls;
  #answeredByNginx: AnsweredPoll[] = [];
  #audience: Audience | null = null;
  #isStopped = false;
  readonly #isRestart: boolean;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  readonly #stopTimers: () => void;

  constructor({ podUid, instance, isRestart, route, sessionKey, time }: EdgeProcessOptions) {
    this.podUid = podUid;
    this.instance = instance;
    this.#isRestart = isRestart;
    this.#now = time.now;
    this.#startedAt = time.now();
    const sessionIds = createSessionIds(sessionKey, time.now);
    this.sessionIds = sessionIds;
    this.#route = route;
    const routes = new RouteTable();
    const audiences = new Audiences({
      now: time.now,
      targetDurationSeconds: () => TARGET_DURATION_SECONDS,
      wholeCount: () => this.#wholeCount(),
      mintedAgeMs: (key, id) => sessionIds.mintedAgeMs(key, id),
      isServed: (uid) => routes.byUid(uid) !== null,
    });
    this.audiences = audiences;
    routes.subscribe({
      applied: (applied) => audiences.applyRoute(applied),
      removed: ({ uid }) => audiences.removeRoute(uid),
    });
    routes.apply(route);
    const uplink = new Uplink({
      audiences,
      routes: () => routes.all(),
      reports: () => [],
      time,
    });
    this.#uplink = uplink;
    audiences.onChange((uid, hash) => uplink.viewerChanged(uid, hash));
    audiences.onLeave((uid, hash) => uplink.viewerLeft(uid, hash));
    this.#admissions = new Admissions(audiences, time.setTimer);
    this.#polls = new AnsweredPolls({
      ...{ routes, audiences, wallNow: time.now },
      channels: { asked: () => {} },
      published: { requested: () => {}, hasFiles: () => true },
    });
    audiences.onLeave((uid, hash) => this.#polls.left(uid, hash));
    this.#downlink = new Downlink({
      routes,
      uplink,
      admissions: this.#admissions,
      watches: new Watches(time.now, time.setTimer),
      load: { connect: () => {}, disconnect: () => {} },
      now: time.now,
      setAudience: (audience) => {
        this.#audience = audience;
      },
      leftElsewhere: (uid, hashes, secondsAgo) => {
        audiences.leftElsewhere(uid, hashes, secondsAgo);
        for (const hash of hashes) this.#polls.left(uid, hash, secondsAgo);
      },
      onSnapshot: () => {},
    });
    const stopSweeping = time.every(SWEEP_INTERVAL_MS, () => audiences.sweep());
    const stopReading = time.every(POLLS_LATE_MS, () => this.#readPolls());
    this.#stopTimers = () => {
      stopSweeping();
      stopReading();
    };
  }

  /** An operator has proved itself. @param send takes the frames that it is to get */
  connected(send: (frame: string) => void): void {
    const socket = { readyState: 1, OPEN: 1, bufferedAmount: 0, send, close: () => {}, terminate: () => {} };
    this.#downlink.connected(new Peer(socket as unknown as ConstructorParameters<typeof Peer>[0]));
  }

  disconnected(): void {
    this.#downlink.disconnected();
  }

  /** @throws Error for a frame that an edge would refuse */
  receive(text: string): void {
    const frame = readFrame(Buffer.from(text), false);
    if (frame.kind === 'bad') throw new Error(frame.why);
    if (frame.kind === 'message' && frame.message.type !== 'hello') this.#downlink.message(frame.message);
  }

  /** What the sidecar says first on a connection. */
  challenge(): EdgeMessage {
    const { podUid, instance } = this;
    const restarted = this.#isRestart ? { restartedSecondsAgo: (this.#now() - this.#startedAt) / 1000 } : {};
    return { type: 'challenge', nonce: '', podName: podUid, podUid, instance, ...restarted };
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimers();
    this.#uplink.disconnect();
    this.#admissions.disconnect();
  }

  /** A GET of the multivariant playlist, as http/live.ts answers it. @param done told the id that it hands on */
  index(ownId: string | null, done: (outcome: Outcome, id: string) => void): void {
    const id = ownId ?? this.sessionIds.mint(`${this.#route.namespace}/${this.#route.name}`);
    this.#admissions.decide(this.#route, id, 'look', (verdict) => {
      const judge = verdict === 'undecided' ? () => this.audiences.admit(this.#route, ownId) : () => {};
      done(verdict === 'refused' ? 'refused' : this.#try(judge), id);
    });
  }

  /** A GET of a media playlist, as http/live.ts answers it, or nginx where many ask. */
  playlist(id: string, done: (outcome: Outcome) => void): void {
    const { maxViewers, uid, namespace, name } = this.#route;
    if (maxViewers === undefined && this.audiences.local(uid).count >= WORTH_A_FILE) {
      this.#answeredByNginx.push({ atMs: this.#now(), key: `${namespace}/${name}`, rung: 'source', session: id });
      done('ok');
    } else this.#sign(id, (ageMs) => this.audiences.playlistRequest(this.#route, id, ageMs), done);
  }

  /** As http/signs.ts answers it. */
  heartbeat(id: string, done: (outcome: Outcome) => void): void {
    this.#sign(id, (ageMs) => this.audiences.heartbeat(this.#route, id, ageMs), done);
  }

  #sign(id: string, count: (ageMs: number) => void, done: (outcome: Outcome) => void): void {
    const cameAtMs = this.#now();
    this.#admissions.decide(this.#route, id, 'watch', (verdict) => {
      done(verdict === 'refused' ? 'refused' : this.#try(() => count(this.#now() - cameAtMs)));
    });
  }

  #try(action: () => void): Outcome {
    if (this.#isStopped) return 'lost';
    try {
      action();
      return 'ok';
    } catch (thrown) {
      if (thrown instanceof SluiceError && thrown.code === 'STREAM_LIMIT_EXCEEDED') return 'refused';
      throw thrown;
    }
  }

  /** The sidecar hears of the polls that nginx has answered. */
  #readPolls(): void {
    const polls = this.#answeredByNginx;
    this.#answeredByNginx = [];
    this.#polls.take(polls);
  }

  /** As the sidecar's front says it. */
  #wholeCount(): number | null {
    return this.#downlink.fresh && this.#audience?.state === 'known' ? this.#audience.viewers : null;
  }
}
