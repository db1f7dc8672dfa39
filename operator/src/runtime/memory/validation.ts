import { z } from 'zod';
import { type ApiError, type FieldFault, refusal } from '../client/api-error.ts';
import { type JsonObject, metadataOf } from './fields.ts';
import type { ServedKind } from './served-kind.ts';

/** Names and namespaces are parts of paths and URLs (RFC 1123 subdomain). */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const name = z
  .string('must be a text: put it in quotes')
  .regex(NAME, 'is no name: use lower-case letters, digits and dashes, with a letter or digit at both ends');
const text = z.string('must be a text: put numbers and true or false in quotes');
const texts = z.record(z.string(), text, 'must be a map of texts').optional();
const OWNERS = 'must be a list of owners, each with its uid';

/** What everybody reads of metadata without a look at their shape (meta/v1 ObjectMeta). */
export const METADATA = z.object({
  name,
  namespace: name.optional(),
  labels: texts,
  annotations: texts,
  finalizers: z.array(z.string(), 'must be a list of texts').optional(),
  ownerReferences: z.array(z.object({ uid: z.string() }, OWNERS), OWNERS).optional(),
});

/** A value as a schema has it, with its defaults; or what is wrong with it. @param at path of the value, empty for the whole */
export function checked(schema: z.ZodType, at: string, value: unknown): { value?: unknown; faults: FieldFault[] } {
  const error = ({ input }: { readonly input?: unknown }) => (input === undefined ? 'Required value' : undefined);
  const parsed = schema.safeParse(value, { error });
  if (parsed.success) return { value: parsed.data, faults: [] };
  const faults = parsed.error.issues.map(({ path, message }) => {
    const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
    return { path: `${at}${keys.join('')}`.replace(/^\./, ''), message };
  });
  return { faults };
}

/** The answer to an object with faults, all of them named. */
export function invalid(
  { kind }: Pick<ServedKind, 'kind'>,
  object: JsonObject,
  causes: readonly FieldFault[],
): ApiError {
  const words = causes.map(({ path, message }) => `${path}: ${message}`).join(', ');
  return refusal(422, 'Invalid', `${kind} "${metadataOf(object).name ?? ''}" is invalid: ${words}`, { causes });
}
