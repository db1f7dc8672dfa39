import type { Clock } from '../channel/clock.ts';
import type { MediaSide } from '../channel/media-side.ts';
import { ownerUnreachable } from '../channel/waiters.ts';
import { type FeedConnection, TimelineFeed } from '../replication/feed.ts';
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

  /** How the pod `from` dials others. */
  dialOf(from: string, clock: Clock): Dial {
    return (owner, events) => {
      const line = new TestLine(from, this.#find(from, owner), owner, events, clock, (message) => {
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
  segmentsOf(from: string, read: (path: string) => Promise<Uint8Array>): SegmentClient {
    return {
      read: async (owner, uid, name) => {
        this.asked.push(`${owner.podUid}->${from} ${name}`);
        const pod = this.#find(from, owner);
        if (pod === null) throw ownerUnreachable(uid);
        const file = await pod.media().storedFile(uid, name);
        if (file === null) throw segmentUnknown(name);
        const bytes = await read(file.path);
        this.fetched.push(`${owner.podUid}->${from} ${name}`);
        return bytes;
      },
      close: async () => {},
    };
  }

  /** How the pod `from` speaks of owners. */
  ownershipOf(from: string): OwnershipClient {
    return {
      tell: async (to, uid, claim) => {
        const answer = await this.#find(from, to)?.media().hearOwners(uid, claim);
        if (answer === undefined || answer === null) throw ownerUnreachable(uid);
        return JSON.parse(JSON.stringify(answer));
      },
      close: async () => {},
    };
  }

  #find(from: string, { podUid }: OwnerAddress): Pod | null {
    return this.#cut.has(`${from} ${podUid}`) ? null : (this.#pods.get(podUid) ?? null);
  }
}

class TestLine implements Line {
  readonly from: string;
  readonly to: string;
  readonly #pod: Pod | null;
  readonly #events: DialEvents;
  #connection: FeedConnection | null = null;
  #cancel = (): void => {};
  #open = true;

  constructor(
    from: string,
    pod: Pod | null,
    owner: OwnerAddress,
    events: DialEvents,
    clock: Clock,
    onSent: (message: OwnerMessage) => void,
  ) {
    this.from = from;
    this.to = owner.podUid;
    this.#pod = pod;
    this.#events = events;
    queueMicrotask(() => {
      if (!this.#open) return;
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
          queueMicrotask(() => this.#open && events.received(read));
        },
        busy: false,
      });
      this.#beat(clock);
    });
  }

  send(message: object): void {
    const read = readMessage(followerMessageSchema, JSON.stringify(message));
    if (read === null) throw new Error(`no message: ${JSON.stringify(message)}`);
    queueMicrotask(() => this.#open && this.#connection?.receive(read));
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
