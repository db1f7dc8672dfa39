import { SluiceError } from '@sluice/common/errors/error.ts';
import { z } from 'zod';
import { isSessionId, SESSION_ID_PATTERN } from '../viewers/session-id.ts';

/** Namespace in which a channel without one is looked for. */
const DEFAULT_NAMESPACE = 'default';
/** Longest text of a viewer that is kept, in characters. */
const MAX_SOURCE_ERROR_LENGTH = 500;

const DNS_NAME = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
const CHANNEL_ID = new RegExp(`^(?:(${DNS_NAME})/)?(${DNS_NAME})$`);
/** A heartbeat as pages and players write it: a complete channel, a session, nothing else. */
const PLAIN_HEARTBEAT = new RegExp(
  `^\\{"channelId":"(${DNS_NAME}/${DNS_NAME})","sessionId":"(${SESSION_ID_PATTERN})"\\}$`,
);

const channelId = z
  .string()
  .regex(CHANNEL_ID, 'must be <namespace>/<name>, or a name in the namespace "default"')
  .transform((text) => (text.includes('/') ? text : `${DEFAULT_NAMESPACE}/${text}`));
const sessionId = z.string().refine(isSessionId, 'must have 1 to 128 characters out of A-Z a-z 0-9 . _ ~ -');

const leaveSchema = z.object({ channelId, sessionId });
const heartbeatSchema = leaveSchema.extend({
  sourceError: z
    .string()
    .transform((text) => text.slice(0, MAX_SOURCE_ERROR_LENGTH))
    .optional(),
});

/** Body of a heartbeat; `channelId` is complete after reading. */
export type Heartbeat = z.infer<typeof heartbeatSchema>;
/** Body of a goodbye. */
export type Leave = z.infer<typeof leaveSchema>;

/** @throws SluiceError `BODY_INVALID` (400) that names the field */
export function readHeartbeat(body: unknown): Heartbeat {
  return read(heartbeatSchema, body);
}

/**
 * What nearly all heartbeats are, where {@link readHeartbeat}, which costs ten times as much, would find and change
 * nothing; else null. @param text the body
 */
export function plainHeartbeat(text: string): Heartbeat | null {
  const [, channelId, sessionId] = PLAIN_HEARTBEAT.exec(text) ?? [];
  return channelId === undefined || sessionId === undefined ? null : { channelId, sessionId };
}

/** @param body an object, or the JSON text of one: sendBeacon sends strings as text/plain. @throws SluiceError `BODY_INVALID` (400) */
export function readLeave(body: unknown): Leave {
  return read(leaveSchema, body);
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(typeof body === 'string' ? parseJson(body) : body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw invalid(field === '' ? 'must be a JSON object' : `${field}: ${issue?.message}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('is no JSON');
  }
}

function invalid(why: string): SluiceError {
  return new SluiceError(`The body ${why}`, { code: 'BODY_INVALID', retryable: false, status: 400 });
}
