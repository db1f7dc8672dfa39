import type { Clock } from '../channel/clock.ts';
import type { MediaSide } from '../channel/media-side.ts';
import { ownerUnreachable } from '../channel/waiters.ts';
import { type FeedConnection, TimelineFeed } from '../replication/feed.ts';
import { ANSWER_TIMEOUT_MS } from '../replication/limits.ts';
import {
  BEAT_MS,
  followerMessageSchema,
  type OwnerMessage,
  ownerMessageSchema,
  readMessage,
} from '../replication/messages.ts';
import type { Dial, DialEvents, OwnerAddress } from '../replication/owner-link.ts';
import type { OwnershipClient } from '../replication/ownership.ts';
import { type SegmentClient, segmentUnknown } from '../replication/segments.ts';

interface Pod {
  readonly media: () => MediaSide;
  readonly feed: TimelineFeed;
}

interface Line {
  readonly from: string;
  readonly to: string;
  readonly cut: () => void;
}

/** Edges that follow each other without sockets: every message is JSON that its schema has read, in order. */
export class TestNetwork {
  readonly #pods = new Map<string, Pod>();
  readonly #lines = new Set<Line>();
  readonly #cut = new Set<string>();
  readonly #silent = new Set<string>();
  /** Files that one edge asked another one for, in vain or not, the same way as `fetched`. */
  readonly asked: string[] = [];
  /** Files that one edge got from another: `<from>-><to> <name>`. */
  readonly fetched: string[] = [];
  /** Messages that owners sent, heartbeats left out. */
  readonly sent: OwnerMessage[] = [];

  /** Makes a pod reachable. */
  add(podUid: string, media: MediaSide, now: () => number): void {
    const feed = new TimelineFeed(media, now);
    media.onPublished((uid) => feed.changed(uid));
    media.onReport(({ uid }) => feed.reported(uid));
    this.#pods.set(podUid, { media: () => media, feed });
  }

  /** A pod is gone: its connections end. */
  remove(podUid: string): void {
    this.#pods.delete(podUid);
    for (const line of [...this.#lines]) if (line.from === podUid || line.to === podUid) line.cut();
  }

  /** Parts two pods, or joins them again. */
  part(one: string, other: string, parted: boolean): void {
    const names = [`${one} ${other}`, `${other} ${one}`];
    for (const name of names)
      if (parted) this.#cut.add(name);
      else this.#cut.delete(name);
    if (!parted) return;
    for (const line of [...this.#lines]) if (names.includes(`${line.from} ${line.to}`)) line.cut();
  }

  /** Whatever a pod sends or is sent is lost, and nobody is told: its node is gone, or stands still. Or not any more. */
  silence(podUid: string, isSilent = true): void {
    if (isSilent) this.#silent.add(podUid);
    else this.#silent.delete(podUid);
  }

  /** How the pod `from` dials others. */
  dialOf(from: string, clock: Clock): Dial {
    return (owner, events) => {
      const isSilent = (): boolean => this.#isSilent(from, owner);
      const line = new TestLine(from, this.#find(from, owner), owner, events, { clock, isSilent }, (message) => {
        if (message.type !== 'beat') this.sent.push(message);
      });
      this.#lines.add(line);
      return {
        send: (message) => line.send(message),
        close: () => {
          line.close();
          this.#lines.delete(line);
        },
      };
    };
  }

  /** How the pod `from` fetches segments. */
  segmentsOf(from: string, clock: Clock, read: (path: string) => Promise<Uint8Array>): SegmentClient {
    const fetch: SegmentClient['read'] = async (owner, uid, name) => {
      this.asked.push(`${owner.podUid}->${from} ${name}`);
      if (this.#isSilent(from, owner)) await timeOut(clock);
      const pod = this.#find(from, owner);
      if (pod === null) throw ownerUnreachable(uid);
      const file = await pod.media().storedFile(uid, name);
      if (file === null) throw segmentUnknown(name);
      const bytes = await read(file.path);
      this.fetched.push(`${owner.podUid}->${from} ${name}`);
      return bytes;
    };
    return {
      read: (owner, uid, name, signal) => Promise.race([fetch(owner, uid, name, signal), aborted(signal)]),
      close: async () => {},
    };
  }

  /** How the pod `from` speaks of owners. */
  ownershipOf(from: string, clock: Clock): OwnershipClient {
    return {
      tell: async (to, uid, claim, begun) => {
        begun?.();
        if (this.#isSilent(from, to)) await timeOut(clock);
        const answer = await this.#find(from, to)?.media().hearOwners(uid, claim);
        if (answer === undefined || answer === null) throw ownerUnreachable(uid);
        return JSON.parse(JSON.stringify(answer));
      },
      close: async () => {},
    };
  }

  #isSilent(from: string, { podUid }: OwnerAddress): boolean {
    return this.#silent.has(from) || this.#silent.has(podUid);
  }

  #find(from: string, owner: OwnerAddress): Pod | null {
    const { podUid } = owner;
    return this.#cut.has(`${from} ${podUid}`) || this.#isSilent(from, owner) ? null : (this.#pods.get(podUid) ?? null);
  }
}

/** Whoever ends a fetch waits for nothing more. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(ownerUnreachable('')), { once: true });
  });
}

/** Nobody answers. */
function timeOut(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ANSWER_TIMEOUT_MS, resolve);
  });
}

class TestLine implements Line {
  readonly from: string;
  readonly to: string;
  readonly #pod: Pod | null;
  readonly #events: DialEvents;
  readonly #isSilent: () => boolean;
  #connection: FeedConnection | null = null;
  #cancel = (): void => {};
  #open = true;

  constructor(
    from: string,
    pod: Pod | null,
    owner: OwnerAddress,
    events: DialEvents,
    { clock, isSilent }: { readonly clock: Clock; readonly isSilent: () => boolean },
    onSent: (message: OwnerMessage) => void,
  ) {
    this.#isSilent = isSilent;
    this.from = from;
    this.to = owner.podUid;
    this.#pod = pod;
    this.#events = events;
    queueMicrotask(() => {
      if (!this.#open) return;
      if (isSilent()) {
        this.#cancel = clock.after(ANSWER_TIMEOUT_MS, () => this.cut());
        return;
      }
      if (pod === null) {
        this.cut();
        return;
      }
      events.opened();
      this.#connection = pod.feed.connect({
        send: (message) => {
          onSent(message);
          const read = readMessage(ownerMessageSchema, JSON.stringify(message));
          if (read === null) throw new Error(`no message: ${JSON.stringify(message)}`);
          queueMicrotask(() => this.#open && !isSilent() && events.received(read));
        },
        busy: false,
      });
      this.#beat(clock);
    });
  }

  send(message: object): void {
    const read = readMessage(followerMessageSchema, JSON.stringify(message));
    if (read === null) throw new Error(`no message: ${JSON.stringify(message)}`);
    queueMicrotask(() => this.#open && !this.#isSilent() && this.#connection?.receive(read));
  }

  close(): void {
    this.#open = false;
    this.#cancel();
    if (this.#connection !== null) this.#pod?.feed.disconnect(this.#connection);
  }

  cut(): void {
    if (!this.#open) return;
    this.close();
    this.#events.closed();
  }

  #beat(clock: Clock): void {
    this.#cancel = clock.after(BEAT_MS, () => {
      this.#connection?.beat();
      this.#beat(clock);
    });
  }
}
