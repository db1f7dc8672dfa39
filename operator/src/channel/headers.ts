import { messageOf } from '@sluice/common/errors/error.ts';
import { SECRET } from '../kinds.ts';
import { type Client, keyOf, type ObjectName } from '../runtime/client/client.ts';
import type { SourceHeaders } from './observed.ts';

/** A Secret is read again after this, so that a new or rotated one is noticed; there is no watch on all Secrets. */
const FRESH_SECONDS = 30;
/** A Secret that no Channel has asked for in this time is forgotten. */
const FORGET_SECONDS = 3600;
/** Names of headers (RFC 9110 5.6.2), and how many of them and how long they may be together with their values. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Values of headers (RFC 9110 5.5): no line breaks, which would begin another header. */
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const MOST_HEADERS = 32;
const LONGEST_HEADERS = 16_384;
/** These belong to the connection or say how a body is sent; a source's credentials are never among them. */
const FORBIDDEN = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'upgrade', 'trailer']);

interface Entry {
  value: SourceHeaders;
  readAtMs: number;
  askedAtMs: number;
  reading: boolean;
}

/** The header Secrets of sources, read one by one where a Channel names them, and remembered while Channels ask for them. */
export class HeaderSecrets {
  private readonly entries = new Map<string, Entry>();
  private readonly options: {
    readonly client: Client;
    readonly now: () => number;
    /** Called with `namespace/name` of a Secret whose value may have changed. */
    readonly onRead: (secret: string) => void;
  };

  constructor(options: HeaderSecrets['options']) {
    this.options = options;
  }

  /** The headers as far as they are known; begins to read what is unknown or old. */
  read(secret: ObjectName): SourceHeaders {
    const key = keyOf(secret);
    const nowMs = this.options.now();
    const known = this.entries.get(key) ?? this.begin(key, nowMs);
    known.askedAtMs = nowMs;
    if (!known.reading && nowMs - known.readAtMs >= FRESH_SECONDS * 1000) void this.refresh(secret, known);
    return known.value;
  }

  private begin(key: string, nowMs: number): Entry {
    for (const [other, { askedAtMs }] of this.entries) {
      if (nowMs - askedAtMs >= FORGET_SECONDS * 1000) this.entries.delete(other);
    }
    const entry = { value: notReadYet(key), readAtMs: Number.NEGATIVE_INFINITY, askedAtMs: nowMs, reading: false };
    this.entries.set(key, entry);
    return entry;
  }

  private async refresh(secret: ObjectName, entry: Entry): Promise<void> {
    entry.reading = true;
    try {
      const found = await this.options.client.get(SECRET, secret);
      entry.value = found === null ? missing(secret) : headersOf(secret, found.data);
    } catch (error) {
      // What was read before still holds while the API server is away.
      if (entry.value.state === 'missing') entry.value = unreadable(secret, messageOf(error));
    } finally {
      entry.reading = false;
      entry.readAtMs = this.options.now();
      this.options.onRead(keyOf(secret));
    }
  }
}

function notReadYet(key: string): SourceHeaders {
  return { state: 'missing', reason: 'SecretNotRead', message: `Secret ${key} of source.headersFrom is being read` };
}

/** Checks a Secret's data: every key is a header's name, every value one line. */
export function headersOf(secret: ObjectName, data: Readonly<Record<string, string>>): SourceHeaders {
  const headers: Record<string, string> = {};
  let length = 0;
  for (const [name, raw] of Object.entries(data)) {
    const value = raw.trim();
    length += name.length + value.length;
    const broken = !HEADER_NAME.test(name) || FORBIDDEN.has(name.toLowerCase()) || !HEADER_VALUE.test(value);
    if (broken) return invalid(secret, `key ${JSON.stringify(name)} is not a header that can be sent`);
    headers[name] = value;
  }
  if (Object.keys(headers).length > MOST_HEADERS || length > LONGEST_HEADERS) {
    return invalid(secret, `more than ${MOST_HEADERS} headers or ${LONGEST_HEADERS} characters`);
  }
  return { state: 'found', headers };
}

function missing({ name }: ObjectName): SourceHeaders {
  const message = `Secret ${name} of source.headersFrom does not exist: create it, or remove headersFrom`;
  return { state: 'missing', reason: 'SecretNotFound', message };
}

function unreadable({ name }: ObjectName, why: string): SourceHeaders {
  const message = `Secret ${name} of source.headersFrom cannot be read: ${why}`;
  return { state: 'missing', reason: 'SecretUnreadable', message };
}

function invalid({ name }: ObjectName, why: string): SourceHeaders {
  return { state: 'missing', reason: 'SecretInvalid', message: `Secret ${name} of source.headersFrom: ${why}` };
}
