import { messageOf } from '@sluice/common/errors/error.ts';
import type { openRelay, Target } from '../network/relay.ts';

/** Where a port of a Service answers, and where its connections go on to. */
export interface ServicePort {
  readonly address: string;
  readonly port: number;
  readonly targets: () => readonly Target[];
}

interface Relay {
  targets: ServicePort['targets'];
  /** What ends it. */
  readonly opened: Promise<() => Promise<void>>;
}

/** The relays of all ports of all Services, by their addresses. */
export class ServiceRelays {
  readonly #open: typeof openRelay;
  readonly #onTrouble: (message: string) => void;
  readonly #relays = new Map<string, Relay>();
  /** Those that are being ended: until then their addresses are taken. */
  readonly #ending = new Map<string, Promise<void>>();

  /** @param onTrouble told when an address cannot be opened; {@link follow} tries it again */
  constructor(open: typeof openRelay, onTrouble: (message: string) => void) {
    this.#open = open;
    this.#onTrouble = onTrouble;
  }

  /** Opens what is new, ends what is gone, and leads on where the rest leads now: a Service may have been made anew. */
  follow(ports: readonly ServicePort[]): void {
    const wanted = new Map(ports.map((each) => [`${each.address}:${each.port}`, each]));
    for (const [key, relay] of this.#relays) if (!wanted.has(key)) this.#end(key, relay);
    for (const [key, port] of wanted) {
      const known = this.#relays.get(key);
      if (known === undefined) this.#begin(key, port);
      else known.targets = port.targets;
    }
  }

  /** Ends all. */
  async close(): Promise<void> {
    for (const [key, relay] of this.#relays) this.#end(key, relay);
    await Promise.all(this.#ending.values());
  }

  #begin(key: string, { address, port, targets }: ServicePort): void {
    const open = () => this.#open(address, port, () => relay.targets());
    const relay: Relay = { targets, opened: this.#ending.get(key)?.then(open) ?? Promise.resolve().then(open) };
    this.#relays.set(key, relay);
    relay.opened.catch((error: unknown) => {
      if (this.#relays.get(key) === relay) this.#relays.delete(key);
      this.#onTrouble(messageOf(error));
    });
  }

  #end(key: string, { opened }: Relay): void {
    this.#relays.delete(key);
    const ended = opened
      .then(
        (close) => close(),
        () => {}, // told when it was opened
      )
      .finally(() => {
        if (this.#ending.get(key) === ended) this.#ending.delete(key);
      });
    this.#ending.set(key, ended);
  }
}
