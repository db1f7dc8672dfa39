import type { Clock } from '../channel/clock.ts';
import type { MediaSide } from '../channel/media-side.ts';
import { ownerUnreachable } from '../channel/waiters.ts';
import { type FeedConnection, TimelineFeed } from '../replication/feed.ts';
import { ANSWER_TIMEOUT_MS, CONNECT_TIMEOUT_MS } from '../replication/limits.ts';
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
  /** Pods that answer nobody any more, with the clock of those who wait for them. */
  readonly #silent = new Map<string, Clock>();
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

  /** A pod is silent from now on, as with its node or the network to it: nobody is told, and who dials it waits in vain. */
  silence(podUid: string, clock: Clock): void {
    this.#silent.set(podUid, clock);
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
      const onSent = (message: OwnerMessage): void => {
        if (message.type !== 'beat') this.sent.push(message);
      };
      const isSilent = (): boolean => this.#silent.has(owner.podUid);
      const line = new TestLine({ from, pod: this.#find(from, owner), owner, events, clock, onSent, isSilent });
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
        await this.#waitInVain(owner.podUid);
        if (pod === null || this.#silent.has(owner.podUid)) throw ownerUnreachable(uid);
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
        await this.#waitInVain(to.podUid);
        const answer = await this.#find(from, to)?.media().hearOwners(uid, claim);
        if (answer === undefined || answer === null) throw ownerUnreachable(uid);
        return JSON.parse(JSON.stringify(answer));
      },
      close: async () => {},
    };
  }

  /** Until the time of a question to a silent pod is out. */
  async #waitInVain(podUid: string): Promise<void> {
    const clock = this.#silent.get(podUid);
    if (clock !== undefined) await new Promise<void>((resolve) => clock.after(ANSWER_TIMEOUT_MS, resolve));
  }

  #find(from: string, { podUid }: OwnerAddress): Pod | null {
    if (this.#silent.has(podUid)) return null;
    return this.#cut.has(`${from} ${podUid}`) ? null : (this.#pods.get(podUid) ?? null);
  }
}

/** What a line is made of. */
interface LineParts {
  readonly from: string;
  readonly pod: Pod | null;
  readonly owner: OwnerAddress;
  readonly events: DialEvents;
  readonly clock: Clock;
  readonly onSent: (message: OwnerMessage) => void;
  /** Whether the pod answers nobody any more. */
  readonly isSilent: () => boolean;
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

  constructor({ from, pod, owner, events, clock, onSent, isSilent }: LineParts) {
    this.from = from;
    this.to = owner.podUid;
    this.#pod = pod;
    this.#events = events;
    this.#isSilent = isSilent;
    queueMicrotask(() => {
      if (!this.#open) return;
      if (isSilent()) {
        this.#cancel = clock.after(CONNECT_TIMEOUT_MS, () => this.cut());
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
