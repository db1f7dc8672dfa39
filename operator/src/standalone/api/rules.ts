import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import type { ValidationRule } from '@sluice/crds/extensions.ts';
import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import { isObject } from '../../runtime/memory/fields.ts';
import type { FieldFault } from '../../runtime/memory/served-kind.ts';
import { below } from './schema-faults.ts';

/** Evaluates the rules of a schema as the API server does. */
export type RuleCheck = (schema: StructuralSchema, path: string, value: unknown, before: unknown) => FieldFault[];

/** An absolute URI (RFC 3986, 3): scheme, and a host which may be empty. */
const ABSOLUTE_URL = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:[^/?#@]*@)?([^/?#]*))?/i;

/**
 * Makes a check that evaluates a schema's rules with CEL and the part of Kubernetes' libraries that the rules in
 * @sluice/crds use. A rule that names `oldSelf` is for changes only; one that fails to evaluate refuses the value.
 */
export function createRuleCheck(): RuleCheck {
  const environment = kubernetesEnvironment();
  const parsed = new Map<string, ParseResult>();
  const evaluate = (rule: string, context: Record<string, unknown>): boolean => {
    const program = parsed.get(rule) ?? environment.parse(javascriptOf(rule));
    parsed.set(rule, program);
    try {
      return program(context) === true;
    } catch {
      return false;
    }
  };
  const check: RuleCheck = (schema, path, value, before) => {
    if (value === undefined) return [];
    const rules = schema['x-kubernetes-validations'] ?? [];
    const broken = rules.filter(({ rule }) => {
      const isTransition = /\boldSelf\b/.test(rule);
      if (isTransition && before === undefined) return false;
      return !evaluate(rule, { self: celOf(value), ...(isTransition ? { oldSelf: celOf(before) } : {}) });
    });
    return [...broken.map((rule) => faultOf(rule, path)), ...childFaults(schema, path, value, before, check)];
  };
  return check;
}

function faultOf({ message, fieldPath = '' }: ValidationRule, path: string): FieldFault {
  return { path: `${path}${fieldPath}`.replace(/^\./, ''), message };
}

function childFaults(
  schema: StructuralSchema,
  path: string,
  value: unknown,
  before: unknown,
  check: RuleCheck,
): readonly FieldFault[] {
  const old = isObject(before) ? before : {};
  if (Array.isArray(value)) {
    const { items } = schema;
    // Items of a list have no past that a rule could compare them with, unless they are told apart by keys.
    return items === undefined ? [] : value.flatMap((item, at) => check(items, `${path}[${at}]`, item, undefined));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const childSchema = schema.properties?.[name] ?? schema.additionalProperties;
    return childSchema === undefined ? [] : check(childSchema, below(path, name), child, old[name]);
  });
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

/** A resource.Quantity (k8s.io/apimachinery) as a number of its unit: `500m` is 0.5, `1Ki` is 1024. @throws RangeError */
function quantityOf(text: string): number {
  const [, digits = '', suffix = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].indexOf(suffix) + 1;
  const decimal = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }[suffix] ?? Number.NaN;
  const number = Number(digits) * (binary > 0 ? 1024 ** binary : 10 ** decimal);
  if (digits === '' || Number.isNaN(number)) throw new RangeError(`"${text}" is not a quantity`);
  return number;
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
