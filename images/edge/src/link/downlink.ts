import type { Audience } from '@sluice/common/link/audience.ts';
import type { LoadReporter } from '../load/reporter.ts';
import type { RouteTable } from '../routes/table.ts';
import type { Admissions } from '../viewers/admissions.ts';
import type { LinkEvents } from './server.ts';
import type { Uplink } from './uplink.ts';
import type { Watches } from './watches.ts';

/** The operator's counts are shown for this long after its connection ended: a restart of the operator takes less. */
const FRESH_MS = 10_000;

/** What the operator's messages act on. */
export interface DownlinkTargets {
  readonly routes: RouteTable;
  readonly uplink: Uplink;
  readonly admissions: Admissions;
  readonly watches: Watches;
  readonly load: Pick<LoadReporter, 'connect' | 'disconnect'>;
  readonly setAudience: (audience: Audience) => void;
  /** Viewers of the channel with this uid said goodbye at another edge. */
  readonly leftElsewhere: (uid: string, hashes: readonly string[], secondsAgo: number) => void;
  /** A snapshot is complete: the edge knows all its channels. */
  readonly onSnapshot: () => void;
  /** Milliseconds of a clock that never steps back. */
  readonly now: () => number;
}

/** Obeys the operator, and knows how far it can be relied on. */
export class Downlink implements LinkEvents {
  readonly #targets: DownlinkTargets;
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(targets: DownlinkTargets) {
    this.#targets = targets;
  }

  /** Whether counts from the operator are fresh: there was a snapshot, and the connection is there or has just ended. */
  get fresh(): boolean {
    return this.#targets.now() < this.#freshUntil;
  }

  connected(peer: Parameters<LinkEvents['connected']>[0]): void {
    this.#targets.uplink.connect(peer);
    this.#targets.admissions.connect(peer);
    this.#targets.watches.connect(peer);
    this.#targets.load.connect(peer);
  }

  disconnected(): void {
    this.#targets.uplink.disconnect();
    this.#targets.admissions.disconnect();
    this.#targets.watches.disconnect();
    this.#targets.load.disconnect();
    this.#freshUntil = Math.min(this.#freshUntil, this.#targets.now() + FRESH_MS);
  }

  message(message: Parameters<LinkEvents['message']>[0]): void {
    const { routes, setAudience } = this.#targets;
    switch (message.type) {
      case 'snapshot':
        routes.replaceAll(message.routes);
        for (const audience of message.audiences) setAudience(audience);
        this.#freshUntil = Number.POSITIVE_INFINITY;
        this.#targets.onSnapshot();
        break;
      case 'route':
        routes.apply(message.route);
        break;
      case 'remove':
        routes.remove(message.uid);
        break;
      case 'audience':
        setAudience(message.audience);
        this.#targets.watches.heard(message.audience.uid);
        break;
      case 'admission':
        this.#targets.admissions.answered(message);
        break;
      case 'leave':
        this.#targets.leftElsewhere(message.uid, message.ids, message.secondsAgo);
        break;
    }
  }
}
