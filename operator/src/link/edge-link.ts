import { sign } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { parseShallow } from '@sluice/common/json/shallow.ts';
import {
  challengeText,
  type EdgeMessage,
  edgeMessageSchema,
  MAX_EDGE_FRAME_BYTES,
  type OperatorMessage,
} from '@sluice/common/link/messages.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import { type ClientOptions, WebSocket } from 'ws';
import type { EdgeProcess } from '../audience/edge-presence.ts';
import { limited } from '../channel/build/text.ts';
import { EDGE_SERVER_NAME, type LinkIdentity } from '../keys/link-keys.ts';
import { Allowance } from './allowance.ts';
import { backOffSeconds } from './back-off.ts';
import type { EdgeEndpoint } from './endpoints.ts';
import { Gathering } from './gathering.ts';
import { Outbox } from './outbox.ts';

/** Time for TCP, TLS, the upgrade and the challenge: far above any network within a cluster. */
const HANDSHAKE_MS = 5_000;
/** How often the edge is pinged. A link that is cut silently is noticed after at most two of these. */
const PING_MS = 5_000;

/**
 * A link that ends sooner than this costs a snapshot and brings nothing, whatever the edge said on it: the next waits
 * longer, or an edge whose messages are not understood would get all routes several times a second.
 */
const HEALTHY_MS = 10_000;

/** An edge that says more than it may is not read for so long; shorter than the wait for its answers to pings. */
const NOT_READ_MS = 1_000;

/** An edge that has just got its address does not listen yet: with the back-off these are some three seconds. */
const FAILURES_WORTH_TELLING = 5;

/** What a link tells of its edge. */
export interface EdgeLinkEvents {
  /**
   * The edge has proved itself (its certificate) and the snapshot is on its way.
   * @param process in the pod, as far as the edge says
   */
  connected(edge: EdgeEndpoint, process: EdgeProcess): void;
  /** A message after the handshake. */
  message(edge: EdgeEndpoint, message: EdgeMessage): void;
  /** A link that was connected is down; it is dialled again. */
  lost(edge: EdgeEndpoint, reason: string): void;
}

/** What a link needs. */
export interface EdgeLinkOptions {
  readonly edge: EdgeEndpoint;
  readonly identity: LinkIdentity;
  /** The operator's term; edges refuse a lower one than they have seen. */
  readonly term: number;
  /** The messages to begin a connection with: `snapshot` first. */
  readonly snapshot: () => Iterable<OperatorMessage>;
  readonly events: EdgeLinkEvents;
  readonly log: Logger;
  /** A number in [0, 1) for the jitter of the back-off. */
  readonly random: () => number;
  /** Milliseconds of a clock; the machine's if left out. */
  readonly now?: () => number;
}

/** The connection to one edge: dialled, proved, watched by pings, and dialled again for as long as the pod exists. */
export class EdgeLink {
  private readonly options: EdgeLinkOptions;
  private readonly now: () => number;
  private socket: WebSocket | null = null;
  private outbox: Outbox | null = null;
  private gathering: Gathering | null = null;
  private retry: NodeJS.Timeout | undefined;
  private failures = 0;
  /** Whether the edge has accepted this connection: it says something other than that it refuses. */
  private accepted = false;
  /** Whether it has said that it refuses this connection. */
  private refused = false;
  private dialledAtMs = 0;
  private closed = false;

  constructor(options: EdgeLinkOptions) {
    this.options = options;
    this.now = options.now ?? Date.now;
    this.dial();
  }

  /** Whether the handshake is done, so that messages reach the edge. */
  get connected(): boolean {
    return this.outbox !== null;
  }

  /** Links in a row that the edge did not accept, or that did not last. */
  get attempts(): number {
    return this.failures;
  }

  /** Messages that wait for the edge to read. */
  get backlog(): number {
    return this.outbox?.backlog ?? 0;
  }

  /**
   * Sends the message that `render` gives, if the link is up; the next snapshot brings what was missed otherwise. A message
   * that waits is replaced by a newer one with the same key; one without a key, which names so many `ids`, by none.
   */
  send(key: string | null, render: () => string, ids = 0): void {
    this.gathering?.begin();
    this.outbox?.put(key, render, ids);
  }

  /** Ends this connection: the next one begins with everything that both sides know. */
  restart(): void {
    this.socket?.close(1000, 'everything again, please');
  }

  /** Ends the link; nothing is reported any more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    this.socket?.terminate();
    this.socket = null;
    this.outbox = null;
  }

  private dial(): void {
    const { edge, identity } = this.options;
    const options: ClientOptions & ConnectionOptions = {
      ca: identity.edgeCertificate,
      servername: EDGE_SERVER_NAME,
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: MAX_EDGE_FRAME_BYTES,
      perMessageDeflate: false, // text within the cluster: latency counts, bytes do not
    };
    const socket = new WebSocket(`wss://${edge.linkAddress}/link`, options);
    this.socket = socket;
    this.dialledAtMs = this.now();
    this.accepted = false;
    this.refused = false;
    const watch = this.watch(socket);
    let reason = '';
    socket.on('upgrade', (response) => {
      this.gathering = new Gathering(response.socket);
    });
    const allowance = new Allowance(() => performance.now());
    let isUnderstood = true;
    socket.on('message', (data) => {
      // What waits in the socket would cost as much as what was not understood.
      if (!isUnderstood) return;
      const text = String(data);
      if (!allowance.take(text.length)) rest(socket);
      try {
        this.take(socket, text);
      } catch (error) {
        isUnderstood = false;
        reason = messageOf(error);
        socket.close(1008, 'message not understood');
      }
    });
    socket.on('error', (error) => {
      reason = messageOf(error);
    });
    socket.on('close', (code, text) => {
      watch.stop();
      this.ended(reason === '' ? `closed with ${code} ${text}` : reason);
    });
  }

  /** Cuts a connection that does not finish its handshake or does not answer pings. */
  private watch(socket: WebSocket): { stop(): void } {
    const handshake = setTimeout(() => {
      if (this.outbox === null) socket.terminate();
    }, HANDSHAKE_MS);
    let answered = true;
    socket.on('pong', () => {
      answered = true;
    });
    const pings = setInterval(() => {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (!answered) {
        socket.terminate();
        return;
      }
      answered = false;
      socket.ping();
    }, PING_MS);
    return {
      stop: () => {
        clearTimeout(handshake);
        clearInterval(pings);
      },
    };
  }

  private take(socket: WebSocket, text: string): void {
    const message = parseEdgeMessage(text);
    if (message === null || this.closed) return;
    const { edge, events } = this.options;
    if (message.type === 'refused') {
      this.tellRefusal(message);
      return;
    }
    if (this.outbox === null) {
      if (message.type === 'challenge') this.prove(socket, message);
      return; // nothing counts before the handshake
    }
    if (message.type === 'challenge') return;
    this.accepted = true;
    events.message(edge, message);
  }

  /** Once per connection, and cut: an edge that says it again and again must not fill the log. */
  private tellRefusal({ code, message }: Extract<EdgeMessage, { type: 'refused' }>): void {
    const { edge, log } = this.options;
    if (this.refused) return;
    this.refused = true;
    log.warn({ edge: edge.podName, code: limited(code), reason: limited(message) }, 'an edge refuses this operator');
  }

  /** Signs for the pod that was dialled, so that an answer is worth nothing at another edge. */
  private prove(socket: WebSocket, challenge: Extract<EdgeMessage, { type: 'challenge' }>): void {
    const { edge, identity, term, snapshot, events } = this.options;
    if (challenge.podUid !== edge.podUid) throw new Error(`another pod answers: ${challenge.podName}`);
    const text = Buffer.from(challengeText(challenge.nonce, edge.podUid, term));
    const signature = sign(null, text, identity.operatorKey).toString('base64');
    const hello: OperatorMessage = { type: 'hello', term, signature };
    socket.send(JSON.stringify(hello));
    this.outbox = new Outbox({
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      send: (message, done) => socket.send(message, (error) => done(error ?? undefined)),
      terminate: () => socket.terminate(),
    });
    let part = 0;
    for (const message of snapshot()) {
      this.outbox.put(`snapshot:${part}`, () => JSON.stringify(message));
      part += 1;
    }
    const { instance = null, restartedSecondsAgo = null } = challenge;
    events.connected(edge, { instance, restartedSecondsAgo });
  }

  private ended(reason: string): void {
    const wasConnected = this.outbox !== null;
    this.socket = null;
    this.outbox = null;
    this.gathering = null;
    if (this.closed) return;
    const { edge, events, log, random } = this.options;
    const isHealthy = this.accepted && this.now() - this.dialledAtMs >= HEALTHY_MS;
    this.failures = isHealthy ? 0 : this.failures + 1;
    const waitSeconds = backOffSeconds(this.failures, random());
    this.retry = setTimeout(() => this.dial(), waitSeconds * 1000);
    const isNews = wasConnected || this.failures >= FAILURES_WORTH_TELLING;
    const details = { edge: edge.podName, address: edge.linkAddress, reason, waitSeconds };
    log[isNews ? 'info' : 'debug'](details, 'no link to the edge');
    if (wasConnected) events.lost(edge, reason);
  }
}

/** Does not read for a while; what the edge sends meanwhile waits at the edge. */
function rest(socket: WebSocket): void {
  socket.pause();
  setTimeout(() => socket.resume(), NOT_READ_MS).unref();
}

/**
 * A message of an edge; null if its type is unknown, because the edge is newer.
 * @throws SluiceError LINK_MESSAGE_INVALID if it is no JSON or a known type with broken contents: a lost change would make
 * the count wrong, so the link has to start again with a snapshot
 */
export function parseEdgeMessage(text: string): EdgeMessage | null {
  const raw = jsonOf(text);
  const parsed = edgeMessageSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const typeIsUnknown = parsed.error.issues.some((issue) => issue.path.length === 1 && issue.path[0] === 'type');
  if (typeIsUnknown && typeof (raw as { type?: unknown }).type === 'string') return null;
  const issue = parsed.error.issues[0];
  throw notUnderstood(`${issue?.path.join('.')}: ${issue?.message}`);
}

function jsonOf(text: string): unknown {
  try {
    return parseShallow(text);
  } catch (thrown) {
    throw notUnderstood(messageOf(thrown), thrown);
  }
}

function notUnderstood(why: string, cause?: unknown): SluiceError {
  return new SluiceError(`message not understood: ${limited(why)}`, {
    code: 'LINK_MESSAGE_INVALID',
    retryable: true,
    cause,
  });
}
