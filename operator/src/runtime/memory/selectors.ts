import { isObject, type JsonObject } from './fields.ts';

/**
 * Whether labels meet a selector as on kubectl's command line: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`,
 * `a notin (b,c)`, joined by commas.
 */
export function matchesLabels(selector: string, labels: Readonly<Record<string, unknown>>): boolean {
  return requirements(selector).every((requirement) => meets(requirement, labels));
}

/** Whether an object meets a field selector: `path=value` or `path!=value`, joined by commas. */
export function matchesFields(selector: string, object: JsonObject): boolean {
  return requirements(selector).every((requirement) => {
    const [, path = '', operator, expected] = /^([^=!]+)(!=|==?)(.*)$/.exec(requirement) ?? [];
    let value: unknown = object;
    for (const key of path.split('.')) value = isObject(value) ? value[key] : undefined;
    return (String(value ?? '') === expected) === (operator !== '!=');
  });
}

/** Splits at commas outside of parentheses. */
function requirements(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function meets(requirement: string, labels: Readonly<Record<string, unknown>>): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(requirement);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const isIn = key in labels && list.split(',').some((value) => value.trim() === labels[key]);
    return isIn === (operator === 'in');
  }
  const equality = /^([^=!\s]+)\s*(!=|==?)\s*(.*)$/.exec(requirement);
  if (equality !== null) {
    const [, key = '', operator, value] = equality;
    return (labels[key] === value) === (operator !== '!=');
  }
  return requirement.startsWith('!') ? !(requirement.slice(1) in labels) : requirement in labels;
}
