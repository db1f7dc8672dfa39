import { ApiError } from './api-error.ts';

/** The API server's own limit for an object in etcd is 1.5 MiB; an event of more than four times that is broken. */
const MAX_LINE_BYTES = 6 * 1024 * 1024;

/**
 * Splits a byte stream into lines without their line feeds; what comes after the last one is dropped, because an event
 * that was cut off is no event.
 * @throws ApiError `ResponseTooLarge` for a line above 6 MiB
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      pending.push(chunk.subarray(start, end));
      yield Buffer.concat(pending).toString('utf8');
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > MAX_LINE_BYTES) {
      throw new ApiError(`a watch event is larger than ${MAX_LINE_BYTES} bytes`, {
        code: 'ResponseTooLarge',
        retryable: true,
      });
    }
  }
}
