import type { ServerResponse } from 'node:http';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** Body of every error answer of the edge. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string };
}

/** An error as an HTTP answer. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody;
  readonly retryAfterSeconds: number | undefined;
}

/** Names of the errors that express and its body parser throw, by status. */
const CODES_BY_STATUS: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  415: 'MEDIA_TYPE_UNSUPPORTED',
};

/**
 * What a client gets for whatever was thrown. Only messages that were written for clients leave the edge: those of
 * SluiceErrors, and those of express about the request, which carry a status below 500. All else is INTERNAL.
 */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  if (thrown instanceof SluiceError) {
    const { status, code, message, retryAfterSeconds } = thrown;
    return { status, body: { error: { code, message } }, retryAfterSeconds };
  }
  if (thrown instanceof Error && 'status' in thrown) {
    const status = Number(thrown.status);
    const code = CODES_BY_STATUS[status];
    if (code !== undefined)
      return { status, body: { error: { code, message: thrown.message } }, retryAfterSeconds: undefined };
  }
  const body = { error: { code: 'INTERNAL', message: 'The edge failed to answer this request; its log says why' } };
  return { status: 500, body, retryAfterSeconds: undefined };
}

/** Sends an error in the one shape. Errors are never cached. Nothing happens if an answer has begun or the client is gone. */
export function sendError(response: ServerResponse, thrown: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const { status, body, retryAfterSeconds } = errorAnswer(thrown);
  const text = JSON.stringify(body);
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.setHeader('Cache-Control', 'no-store');
  if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(Math.ceil(retryAfterSeconds)));
  response.writeHead(status);
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** 404 for a path that means nothing here. */
export function notFound(path: string): SluiceError {
  return new SluiceError(`There is nothing at ${path.slice(0, 200)}`, {
    code: 'NOT_FOUND',
    retryable: false,
    status: 404,
  });
}

/** 404 for a channel without a route. `key` is `<namespace>/<name>`. */
export function channelUnknown(key: string): SluiceError {
  return new SluiceError(`There is no channel ${key.slice(0, 200)}`, {
    code: 'CHANNEL_UNKNOWN',
    retryable: false,
    status: 404,
  });
}

/** 405; the caller sets `Allow`. */
export function methodNotAllowed(method: string | undefined, allowed: string): SluiceError {
  return new SluiceError(`${method} is not possible here; ${allowed} is`, {
    code: 'METHOD_NOT_ALLOWED',
    retryable: false,
    status: 405,
  });
}
