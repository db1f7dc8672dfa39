import type { IncomingMessage } from 'node:http';
import { SluiceError } from '@sluice/common/errors/error.ts';

/**
 * Reads the JSON of a small body, whatever its content type: sendBeacon says text/plain. Null for an empty one.
 * @throws SluiceError `BODY_TOO_LARGE` (413), `BAD_REQUEST` (400) for what is no JSON object or array, or is cut off
 */
export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  return parseJson(await readText(request, limitBytes));
}

/** What a body says, null for an empty one. @throws SluiceError `BAD_REQUEST` (400) for what is no JSON object or array */
export function parseJson(text: string): unknown {
  if (text === '') return null;
  const value = parse(text);
  if (typeof value !== 'object' || value === null) throw badRequest('The body is no JSON object');
  return value;
}

/**
 * Reads a small body as text.
 * @throws SluiceError `BODY_TOO_LARGE` (413), or `BAD_REQUEST` (400) for a body that is cut off
 */
export function readText(request: IncomingMessage, limitBytes: number): Promise<string> {
  // A server may give requests without a body no stream that ends (`optimizeEmptyRequests`).
  if (request.readableEnded) return Promise.resolve('');
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      // The rest is read and forgotten, so that the answer arrives.
      if (bytes <= limitBytes) parts.push(part);
    });
    request.on('end', () => {
      if (bytes > limitBytes) reject(bodyTooLarge(limitBytes));
      else resolve(Buffer.concat(parts).toString('utf8'));
    });
    request.on('close', () => {
      // An error is dear to make, and every request is closed in the end.
      if (!request.readableEnded) reject(badRequest('The body is cut off'));
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('The body is no JSON');
  }
}

function badRequest(message: string): SluiceError {
  return new SluiceError(message, { code: 'BAD_REQUEST', retryable: false, status: 400 });
}

/** 413 for a body of more than so many bytes. */
export function bodyTooLarge(limitBytes: number): SluiceError {
  return new SluiceError(`A body has at most ${limitBytes} bytes`, {
    code: 'BODY_TOO_LARGE',
    retryable: false,
    status: 413,
  });
}
