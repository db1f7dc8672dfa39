import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Route } from '@sluice/common/link/messages.ts';
import { isOwner } from '../channel/mode.ts';
import { keyOf } from '../viewers/audiences.ts';

/**
 * Set by nginx, and by nginx alone, on requests that came in on the relay port: another edge has relayed them, so they
 * are answered here or nowhere. On the viewers' port nginx takes the header away.
 */
export const RELAYED_HEADER = 'sluice-relayed';
/** Tells nginx where the owner is; read in the named locations of {@link RELAY_LOCATIONS} alone. */
export const OWNER_HEADER = 'Sluice-Owner';
/** Named locations of nginx.conf, which nothing but an answer of the sidecar can reach. */
export const RELAY_LOCATIONS = { answer: '@relay', events: '@relay_events' } as const;

/** A route's owner has moved, or comes back: both take about a second. */
const RETRY_SECONDS = 1;

/** What the decision where a request is answered needs. */
export interface RelayOptions {
  readonly podUid: string;
  /** nginx's relay port, the same on all edges. */
  readonly port: number;
  /** Called for each request that goes to another edge. */
  readonly onRelay: () => void;
}

/** Sends requests of channels that another edge owns there. */
export interface Relay {
  /** Whether another edge has sent this request here. */
  isRelayed(request: IncomingMessage): boolean;
  /**
   * `address:port` where a request of this channel has to go; null where it is answered here.
   * @throws SluiceError `OWNER_UNREACHABLE` (503) for a request that was relayed before, and where no owner is known
   */
  target(route: Route, request: IncomingMessage): string | null;
  /** Hands the request to nginx, which asks `target` the same thing with the same method and body. */
  send(response: ServerResponse, target: string, location?: keyof typeof RELAY_LOCATIONS): void;
}

export function createRelay({ podUid, port, onRelay }: RelayOptions): Relay {
  const isRelayed = (request: IncomingMessage): boolean => request.headers[RELAYED_HEADER] !== undefined;
  return {
    isRelayed,
    target: (route, request) => {
      if (isOwner(route, podUid)) return null;
      const host = hostOf(route.owners[0]?.address ?? '');
      if (host === null || isRelayed(request)) throw ownerUnreachable(keyOf(route));
      return `${host}:${port}`;
    },
    send: (response, target, location = 'answer') => {
      onRelay();
      // nginx would put it beside the one of the owner's answer.
      response.removeHeader('Cache-Control');
      response.setHeader(OWNER_HEADER, target);
      response.setHeader('X-Accel-Redirect', RELAY_LOCATIONS[location]);
      response.writeHead(200, { 'Content-Length': 0 }).end();
    },
  };
}

/** 503 for a channel of another edge that cannot be asked now. `key` is `<namespace>/<name>`. */
export function ownerUnreachable(key: string): SluiceError {
  return new SluiceError(`The edge that publishes ${key.slice(0, 200)} cannot be asked at this moment; try again`, {
    code: 'OWNER_UNREACHABLE',
    retryable: true,
    status: 503,
    retryAfterSeconds: RETRY_SECONDS,
  });
}

/** The host of `host:port`, where it is an IP address (IPv6 in brackets); null otherwise: pods are never named. */
export function hostOf(address: string): string | null {
  const host = address.slice(0, address.lastIndexOf(':'));
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const family = isIP(bare);
  return family === 4 || (family === 6 && bare !== host) ? host : null;
}
