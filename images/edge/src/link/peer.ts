import { messageOf } from '@sluice/common/errors/error.ts';
import { type EdgeMessage, type OperatorMessage, operatorMessageSchema } from '@sluice/common/link/messages.ts';
import type { RawData, WebSocket } from 'ws';

/** Why a connection ends, as WebSocket close codes of the private range (RFC 6455 7.4.2). */
export const CLOSE_CODES = {
  /** A frame that is no JSON, or not what the protocol says. */
  BAD_FRAME: 4000,
  /** The answer to the challenge is wrong. */
  SIGNATURE_INVALID: 4001,
  /** Another operator has a higher term. */
  TERM_SUPERSEDED: 4002,
  /** A newer connection of an operator has taken over. */
  REPLACED: 4003,
  /** No answer to the challenge, or to pings, in time. */
  TIMEOUT: 4004,
  /** The operator does not read what it is sent. */
  TOO_SLOW: 4005,
} as const;
/** Name of a reason, as `refused` messages carry it. */
export type CloseReason = keyof typeof CLOSE_CODES;

/** Unsent bytes at which the operator counts as stuck: several full snapshots of a large edge. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
/** Unsent bytes from which on changes wait to be merged instead of piling up. */
const BUSY_UNSENT_BYTES = 1024 * 1024;
/** A refused operator gets its answer; one that does not read it is cut. */
const CLOSE_GRACE_MS = 2_000;

const KNOWN_TYPES = new Set<unknown>(operatorMessageSchema.options.map(({ shape }) => shape.type.value));

/** One operator connection: frames to messages and back. */
export class Peer {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** True while so much is unsent that changes had better wait. */
  get busy(): boolean {
    return this.#socket.bufferedAmount > BUSY_UNSENT_BYTES;
  }

  /** Sends a message, or ends the connection of an operator that does not read. Nothing happens once it is closed. */
  send(message: EdgeMessage): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) this.close('TOO_SLOW', 'too much is unsent');
    else this.#socket.send(JSON.stringify(message));
  }

  /** Says why, closes, and makes sure that it ends. */
  close(reason: CloseReason, message: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(JSON.stringify({ type: 'refused', code: reason, message } satisfies EdgeMessage));
    this.#socket.close(CLOSE_CODES[reason], reason);
    setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS).unref();
  }
}

/** What a frame turned out to be; `unknown` is a type that a newer operator may send, and is ignored. */
export type Frame =
  | { readonly kind: 'message'; readonly message: OperatorMessage }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'bad'; readonly why: string };

/** Reads one frame; never throws. */
export function readFrame(data: RawData, isBinary: boolean): Frame {
  if (isBinary) return { kind: 'bad', why: 'messages are text frames' };
  let value: unknown;
  try {
    value = JSON.parse(data.toString());
  } catch (thrown) {
    return { kind: 'bad', why: `a frame is no JSON: ${messageOf(thrown)}` };
  }
  const parsed = operatorMessageSchema.safeParse(value);
  if (parsed.success) return { kind: 'message', message: parsed.data };
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type === 'string' && !KNOWN_TYPES.has(type)) return { kind: 'unknown' };
  const [issue] = parsed.error.issues;
  return { kind: 'bad', why: `${String(type)}: ${issue?.path.join('.')}: ${issue?.message}` };
}
