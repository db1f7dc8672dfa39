import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { quantityOf } from '@sluice/common/quantity/quantity.ts';
import type { ValidationRule } from '@sluice/crds/extensions.ts';
import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import type { FieldFault } from '../../runtime/client/api-error.ts';
import { isObject } from '../../runtime/memory/fields.ts';

/** Whether a value meets a rule; `before` is undefined for a new one. */
export type RuleCheck = (rule: ValidationRule, value: unknown, before: unknown) => boolean;

/** An absolute URI (RFC 3986, 3): scheme, and a host which may be empty. */
const ABSOLUTE_URL = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:[^/?#@]*@)?([^/?#]*))?/i;

/**
 * What zod does not say against a value: fields that its schema does not have (with those that it has there), maps that
 * are too large, doubles in lists whose items are told apart by keys, and broken rules.
 * @param before the value as it was; undefined for a new one, and for items of lists, which have no past
 */
export function faultsOf(
  schema: StructuralSchema,
  path: string,
  value: unknown,
  before: unknown,
  holds: RuleCheck,
): FieldFault[] {
  if (value === undefined) return [];
  const { items = {}, properties, additionalProperties = {}, maxProperties = Number.POSITIVE_INFINITY } = schema;
  const broken = (schema['x-kubernetes-validations'] ?? []).filter((rule) => !holds(rule, value, before));
  const faults = broken.map(({ message, fieldPath = '' }) => {
    return { path: `${path}${fieldPath}`.replace(/^\./, ''), message };
  });
  if (Array.isArray(value)) {
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const identities = value.map((item) => JSON.stringify(item, [...keys]));
    const doubles = value.flatMap((_, at) => {
      const isDouble = keys.length > 0 && identities.indexOf(identities[at] ?? '') < at;
      return isDouble ? [{ path: `${path}[${at}]`, message: `Duplicate value: ${identities[at]}` }] : [];
    });
    const inside = value.flatMap((item, at) => faultsOf(items, `${path}[${at}]`, item, undefined, holds));
    return [...faults, ...doubles, ...inside];
  }
  if (!isObject(value)) return faults;
  if (Object.keys(value).length > maxProperties) {
    faults.push({ path, message: `Too many: must have at most ${maxProperties} items` });
  }
  const children = Object.entries(value).flatMap(([name, child]) => {
    const field = path === '' ? name : `${path}.${name}`;
    const known = Object.keys(properties ?? {});
    const message = `unknown field "${field}"; known here: ${known.join(', ')}`;
    if (properties !== undefined && !known.includes(name)) return [{ path: field, message }];
    const old = isObject(before) ? before[name] : undefined;
    return faultsOf(properties?.[name] ?? additionalProperties, field, child, old, holds);
  });
  return [...faults, ...children];
}

/**
 * Makes a check of rules in CEL, with the part of Kubernetes' libraries that @sluice/crds use. A rule that names
 * `oldSelf` is for changes only; one that fails to evaluate refuses the value.
 */
export function createRuleCheck(): RuleCheck {
  const environment = kubernetesEnvironment();
  const parsed = new Map<string, ParseResult>();
  return ({ rule }, value, before) => {
    if (before === undefined && /\boldSelf\b/.test(rule)) return true;
    const program = parsed.get(rule) ?? environment.parse(javascriptOf(rule));
    parsed.set(rule, program);
    try {
      return program({ self: celOf(value), ...(before === undefined ? {} : { oldSelf: celOf(before) }) }) === true;
    } catch {
      return false;
    }
  };
}

/** URLs and quantities, which have types of their own in Kubernetes' libraries, are texts and numbers here. */
function kubernetesEnvironment(): Environment {
  return new Environment()
    .registerVariable('self', 'dyn')
    .registerVariable('oldSelf', 'dyn')
    .registerFunction('isURL(string): bool', (text: string) => ABSOLUTE_URL.test(text))
    .registerFunction('url(string): string', (text: string) => text)
    .registerFunction('string.getScheme(): string', (text: string) => ABSOLUTE_URL.exec(text)?.[1]?.toLowerCase() ?? '')
    .registerFunction('string.getHost(): string', (text: string) => ABSOLUTE_URL.exec(text)?.[2] ?? '')
    .registerFunction('quantity(string): double', quantityOf)
    .registerFunction('double.compareTo(double): int', (one: number, other: number) => BigInt(Math.sign(one - other)));
}

/** RE2 knows POSIX classes (https://github.com/google/re2/wiki/Syntax), JavaScript's regular expressions do not. */
function javascriptOf(rule: string): string {
  return rule.replaceAll('[[:space:]]', '[ \\\\t\\\\n\\\\r\\\\f\\\\v]');
}

/** CEL's integers are 64 bits wide; here they are BigInts. */
function celOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(celOf);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, celOf(child)]));
  return Number.isSafeInteger(value) ? BigInt(value as number) : value;
}
