import { SluiceError } from '@sluice/common/errors/error.ts';
import { MAX_INIT_BYTES } from '@sluice/common/mp4/section.ts';
import type { AgentReport, Work } from '@sluice/common/work/contract.ts';
import { drainAnswerSchema, MAX_SEGMENT_BYTES, WORK_POLL_SECONDS, workSchema } from '@sluice/common/work/contract.ts';
import { Agent, request } from 'undici';
import { z } from 'zod';

/** How long an answer may take beyond the long poll, in ms. */
const ANSWER_MS = 10_000;
/** Largest JSON answer that is read, in bytes: work for a thousand segments. */
const MAX_JSON_BYTES = 262_144;

/** Where the agent has got to in the owner's timeline. */
export interface Cursor {
  /** 0 before the first work. */
  readonly epoch: number;
  /** Newest segment taken; -1 before the first. */
  readonly after: number;
}

/** How the client reaches the owner. */
export interface OwnerOptions {
  readonly edgeUrl: string;
  readonly sessionNamespace: string;
  readonly sessionName: string;
  readonly attempt: number;
  /** Read for each request: tokens change. */
  token(): string;
}

interface Call {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: Uint8Array | string;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  readonly maxBytes: number;
}

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/**
 * The work API of a channel's owner (images/common/work/contract.ts), one call each, without retries.
 * Every method throws SluiceError: SUPERSEDED (409: a newer attempt works), EPOCH_OVER (410), SEGMENT_TOO_LARGE (413),
 * SEGMENT_BROKEN (422), NOT_FOUND (404 for a segment or a rung), OWNER_REFUSED (other 4xx; retryable: an edge may not know
 * the session or its token yet), OWNER_UNREACHABLE (retryable: no or no proper answer, 5xx).
 */
export class OwnerClient {
  readonly #options: OwnerOptions;
  readonly #base: string;
  readonly #dispatcher = new Agent({
    connect: { timeout: ANSWER_MS },
    headersTimeout: WORK_POLL_SECONDS * 1000 + ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });

  constructor(options: OwnerOptions) {
    this.#options = options;
    const names = [options.sessionNamespace, options.sessionName].map(encodeURIComponent).join('/');
    this.#base = `${options.edgeUrl}/internal/v1/sessions/${names}`;
  }

  /**
   * The next segments to feed; waits up to 20 s for one, or until the source's end is another matter than before.
   * @param ended what the last answer said of it
   */
  async work(cursor: Cursor, ended: boolean, signal: AbortSignal): Promise<Work> {
    const path = `work?epoch=${cursor.epoch}&after=${cursor.after}&ended=${ended}`;
    return this.#json(workSchema, { method: 'GET', path, signal, maxBytes: MAX_JSON_BYTES });
  }

  /** The bytes of a source segment. */
  async source(epoch: number, msn: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#call({ method: 'GET', path: `source/${epoch}/${msn}`, signal, maxBytes: MAX_SEGMENT_BYTES });
  }

  /** The bytes of the initialization section that a source segment needs. */
  async init(epoch: number, msn: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#call({ method: 'GET', path: `init/${epoch}/${msn}`, signal, maxBytes: MAX_INIT_BYTES });
  }

  /** Hands one rung's segment over. @param contentType its container's: MPEG_TS_TYPE or MP4_TYPE */
  async putSegment(epoch: number, rung: string, msn: number, bytes: Uint8Array, contentType: string): Promise<void> {
    const path = `segments/${epoch}/${encodeURIComponent(rung)}/${msn}`;
    await this.#call({ method: 'PUT', path, body: bytes, contentType, maxBytes: MAX_JSON_BYTES });
  }

  /** Says how the agent is. */
  async report(report: AgentReport): Promise<void> {
    const body = JSON.stringify(report);
    await this.#call({
      method: 'POST',
      path: 'report',
      body,
      contentType: 'application/json',
      maxBytes: MAX_JSON_BYTES,
    });
  }

  /** Whether the pod may end. */
  async drained(): Promise<boolean> {
    const call = { method: 'POST', path: 'drain', body: '{}', contentType: 'application/json' } as const;
    return (await this.#json(drainAnswerSchema, { ...call, maxBytes: MAX_JSON_BYTES })).done;
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #json<Schema extends z.ZodType>(schema: Schema, call: Call): Promise<z.infer<Schema>> {
    const bytes = await this.#call(call);
    try {
      return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch (cause) {
      throw unreachable(`${call.method} ${call.path}: the owner's answer is not in the work API's form`, cause);
    }
  }

  async #call(call: Call): Promise<Uint8Array> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#options.token()}`,
      'sluice-attempt': `${this.#options.attempt}`,
    };
    if (call.contentType !== undefined) headers['content-type'] = call.contentType;
    try {
      const response = await request(`${this.#base}/${call.path}`, {
        method: call.method,
        headers,
        body: call.body ?? null,
        dispatcher: this.#dispatcher,
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
      const bytes = await readBounded(response.body, call.maxBytes);
      if (response.statusCode >= 200 && response.statusCode < 300) return bytes;
      throw refusal(response.statusCode, `${call.method} ${call.path}`, bytes);
    } catch (error) {
      if (error instanceof SluiceError || call.signal?.aborted === true) throw error;
      throw unreachable(`${call.method} ${call.path}: the owner cannot be reached`, error);
    }
  }
}

async function readBounded(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw unreachable(`the owner's answer is longer than ${maxBytes} bytes`, undefined);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const CODES: Readonly<Record<number, string>> = {
  409: 'SUPERSEDED',
  410: 'EPOCH_OVER',
  413: 'SEGMENT_TOO_LARGE',
  422: 'SEGMENT_BROKEN',
};
/** Codes of the owner that say what is missing; any other 404 is a session or a path that the edge does not know yet. */
const MISSING: readonly string[] = ['SEGMENT_UNKNOWN', 'RUNG_UNKNOWN'];

function refusal(status: number, what: string, body: Uint8Array): SluiceError {
  const reason = reasonIn(Buffer.from(body).toString('utf8'));
  const message = `${what}: ${status} ${reason.message}`;
  if (status >= 500) return unreachable(message, undefined);
  const code = status === 404 && MISSING.includes(reason.code) ? 'NOT_FOUND' : CODES[status];
  return new SluiceError(message, { code: code ?? 'OWNER_REFUSED', retryable: code === undefined, status });
}

function reasonIn(text: string): { readonly code: string; readonly message: string } {
  try {
    return errorSchema.parse(JSON.parse(text)).error;
  } catch {
    return { code: '', message: '(no reason given)' };
  }
}

function unreachable(message: string, cause: unknown): SluiceError {
  return new SluiceError(message, { code: 'OWNER_UNREACHABLE', retryable: true, cause });
}
