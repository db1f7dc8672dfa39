import type { Dispatcher } from 'undici';
import { ApiError } from './api-error.ts';

/** One request, and how its answer is taken. */
export interface Exchange {
  /** Scheme, host and port. */
  readonly origin: string;
  /** With query. */
  readonly path: string;
  readonly method: Dispatcher.HttpMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** From the beginning to the end of the answer, in ms. */
  readonly timeoutMilliseconds: number;
  /** Calls it off. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the status as soon as it is known. */
  readonly onStatus: (status: number) => void;
}

/** A whole answer, whatever its status. */
export interface Answer {
  readonly status: number;
  /** As the server sent it; undefined: it names no time. */
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** A page of 500 large objects is below 50 MiB; what is larger would endanger our memory limit. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/**
 * Sends a request and collects its answer. Without the streams and linked signals of undici's `request`, which cost a
 * third of what a write costs: an answer is small, and is wanted as a whole.
 * @throws ApiError `ResponseTooLarge`
 * @throws Error of undici, of the signal, or a TimeoutError
 */
export function exchange(dispatcher: Dispatcher, request: Exchange): Promise<Answer> {
  const collector = new Collector(request);
  const { origin, path, method, headers, body } = request;
  dispatcher.dispatch(
    { origin, path, method, headers: { ...headers }, ...(body === undefined ? {} : { body }) },
    collector,
  );
  return collector.answer;
}

class Collector implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>;
  readonly #request: Exchange;
  readonly #deferred = Promise.withResolvers<Answer>();
  readonly #deadline: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | null = null;
  #failure: Error | null = null;
  #status = 0;
  #retryAfter: string | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(request: Exchange) {
    this.#request = request;
    this.answer = this.#deferred.promise;
    this.#deadline = setTimeout(this.#onDeadline, request.timeoutMilliseconds);
    if (request.signal?.aborted === true) this.#onAbort();
    else request.signal?.addEventListener('abort', this.#onAbort);
  }

  /** A request that was called off while it waited for a connection is not sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== null) controller.abort(this.#failure);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    const retryAfter = headers['retry-after'];
    this.#retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
    this.#request.onStatus(status);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_RESPONSE_BYTES) this.#fail(tooLarge(this.#request));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#settle();
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    this.#deferred.resolve({ status: this.#status, retryAfter: this.#retryAfter, text: bytes.toString('utf8') });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle();
    this.#deferred.reject(this.#failure ?? error);
  }

  readonly #onDeadline = (): void => this.#fail(timedOut(this.#request));

  readonly #onAbort = (): void => {
    const reason: unknown = this.#request.signal?.reason;
    this.#fail(reason instanceof Error ? reason : new Error('the call was called off', { cause: reason }));
  };

  /** The caller hears of it at once; the connection, which is in the middle of an exchange, is given up. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle();
    this.#deferred.reject(this.#failure);
    this.#controller?.abort(this.#failure);
  }

  #settle(): void {
    clearTimeout(this.#deadline);
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
  }
}

function tooLarge({ method, path }: Exchange): ApiError {
  return new ApiError(`${method} ${path.split('?')[0]}: the answer is larger than ${MAX_RESPONSE_BYTES} bytes`, {
    code: 'ResponseTooLarge',
    retryable: false,
  });
}

function timedOut({ timeoutMilliseconds }: Exchange): DOMException {
  return new DOMException(`no whole answer within ${timeoutMilliseconds / 1000} s`, 'TimeoutError');
}
