import { lookup as resolveName } from 'node:dns';
import { Agent, request } from 'undici';

/** An answer that has arrived completely. */
export interface Answer {
  readonly status: number;
  /** Empty where it was to be discarded. */
  readonly body: Buffer;
  /** Length of the body, discarded or not. */
  readonly bytes: number;
  /** Seconds from Retry-After; null without one. */
  readonly retryAfterSeconds: number | null;
}

/** The server went away: no connection, or one that ended before its answer was complete. */
export class ConnectionLost extends Error {}

/** HTTP of one virtual viewer: connections of its own, as a player on a machine of its own has them. */
export interface ViewerClient {
  /**
   * @param discard whether the body is only counted
   * @throws Error if there is no complete answer within 15 s, or the signal is given (by then, or when the client closes)
   */
  get(url: string, signal: AbortSignal, discard?: boolean): Promise<Answer>;
  /** Posts JSON. @throws Error as `get` does */
  post(url: string, body: object): Promise<Answer>;
  close(): Promise<void>;
}

/** A test viewer gives up on an answer that a person would no longer wait for. */
const REQUEST_TIMEOUT_MILLISECONDS = 15_000;

/** @param addresses of host names that this machine does not resolve (names inside the cluster) */
export function createViewerClient(addresses: Readonly<Record<string, string>>): ViewerClient {
  const agent = new Agent({
    connect: {
      lookup(hostname, options, callback) {
        const address = addresses[hostname];
        if (address === undefined) resolveName(hostname, options, callback);
        else if (options.all === true) callback(null, [{ address, family: 4 }]);
        else callback(null, address, 4);
      },
    },
  });
  const ask = async (url: string, options: object, signals: AbortSignal[]): Promise<Answer> => {
    const signal = AbortSignal.any([...signals, AbortSignal.timeout(REQUEST_TIMEOUT_MILLISECONDS)]);
    const answer = await request(url, { ...options, dispatcher: agent, signal });
    const body = Buffer.from(await answer.body.arrayBuffer());
    const retryAfter = Number(answer.headers['retry-after'] ?? Number.NaN);
    const retryAfterSeconds = Number.isNaN(retryAfter) ? null : retryAfter;
    return { status: answer.statusCode, body, bytes: body.length, retryAfterSeconds };
  };
  const headers = { 'content-type': 'application/json' };
  return {
    get: (url, signal) => ask(url, {}, [signal]),
    post: (url, body) => ask(url, { method: 'POST', headers, body: JSON.stringify(body) }, []),
    close: () => agent.close(),
  };
}
