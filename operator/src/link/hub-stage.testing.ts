import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { type EdgeLinkKeys, makeEdgeKeys, makeOperatorKeys } from '../keys/link-keys.ts';
import { FakeEdge } from './fake-edge.ts';
import { LinkHub } from './hub.ts';

const OPERATOR_KEY = makeOperatorKeys()['operator.key'];
const log = createLogger({ name: 'test', level: 'silent' });

/** What a hub has told of its edges, by pod uid. */
export interface Told {
  seen: string[];
  lost: string[];
  gone: string[];
  messages: EdgeMessage[];
}

/** How a hub under test differs from the usual one. */
export interface HubSettings {
  readonly operatorKey?: string;
  /** Called when an edge says something or is lost. */
  readonly changed?: () => void;
  /** Whether edges count viewers of all channels; they do if left out. */
  readonly counts?: () => boolean;
}

/** Hubs and edges on real sockets, which end with the test. */
export class HubStage {
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  /** An edge that says it is the pod `podUid`. @param keys of the link; new ones if left out */
  async edge(podUid: string, keys?: EdgeLinkKeys): Promise<{ edge: FakeEdge; keys: EdgeLinkKeys }> {
    const used = keys ?? (await makeEdgeKeys(OPERATOR_KEY, Date.now()));
    const edge = await FakeEdge.start(used, podUid);
    this.#cleanups.push(() => edge.close());
    return { edge, keys: used };
  }

  /** A hub that trusts edges with these keys, and what it tells. */
  hub(keys: EdgeLinkKeys, settings: HubSettings = {}): { hub: LinkHub; told: Told } {
    const { operatorKey = OPERATOR_KEY, changed = () => {}, counts = () => true } = settings;
    const told: Told = { seen: [], lost: [], gone: [], messages: [] };
    const hub = new LinkHub({
      identity: { edgeCertificate: keys['tls.crt'], operatorKey },
      term: () => 7,
      log,
      random: () => 0,
      counts,
      events: {
        seen: (edge) => told.seen.push(edge.podUid),
        connected: () => {},
        message: (_edge, message) => {
          told.messages.push(message);
          changed();
        },
        lost: (edge) => {
          told.lost.push(edge.podUid);
          changed();
        },
        gone: (edge) => told.gone.push(edge.podUid),
      },
    });
    this.#cleanups.push(() => hub.close());
    return { hub, told };
  }

  /** Ends all. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0)) await cleanup();
  }
}

/** Types of the messages that an edge has got. */
export const typesOf = (edge: FakeEdge): string[] => edge.received.map(({ type }) => type);
