import { type CustomResource, objectSchema } from './custom-resource.ts';
import { API_VERSION } from './group.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** A default that is longer than this is told in the description instead. */
const DEFAULT_MAX_LENGTH = 40;

/** The reference of the API as Markdown: each field of each kind with type, bounds, default and description. */
export function apiReference(kinds: readonly CustomResource[]): string {
  const parts = [
    '# API reference',
    '',
    `Every field of \`${API_VERSION}\`, generated from the schemas in \`crds/\` by \`npm run generate\`. \`kubectl explain\` shows the same text.`,
    'A field with a default may be left out; the API server fills it in.',
  ];
  for (const kind of kinds) parts.push('', ...kindReference(kind));
  return `${parts.join('\n')}\n`;
}

function kindReference(kind: CustomResource): string[] {
  const schema = objectSchema(kind);
  const { spec, status } = schema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error(`${kind.names.kind} has no spec or status`);
  return [
    `## ${kind.names.kind}`,
    '',
    schema.description ?? '',
    '',
    `\`kubectl get ${kind.names.shortNames[0]}\` shows ${kind.columns.map((column) => column.name + (column.priority === 1 ? ' (wide)' : '')).join(', ')}.`,
    '',
    ...table(`${kind.names.kind} spec`, 'spec', spec),
    '',
    ...table(`${kind.names.kind} status`, 'status', status),
    '',
    `### ${kind.names.kind} rules`,
    '',
    'The API server refuses an object that breaks one of these, with this message.',
    '',
    ...rules(schema).map((message) => `- ${message}.`),
  ];
}

function table(title: string, path: string, schema: StructuralSchema): string[] {
  const rows = fields(path, schema).map(
    (field) =>
      `| \`${field.path}\` | ${field.type} | ${field.fallback} | ${escapeCell(field.schema.description ?? '')} |`,
  );
  return [`### ${title}`, '', '| field | type | default | description |', '| --- | --- | --- | --- |', ...rows];
}

interface Field {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly type: string;
  /** The default, `required`, or nothing. */
  readonly fallback: string;
}

/** Every field below a schema, depth first, in the order of the schema. */
function fields(path: string, schema: StructuralSchema): Field[] {
  const object = schema.items ?? schema;
  const prefix = schema.items === undefined ? path : `${path}[]`;
  const found: Field[] = [];
  for (const [name, property] of Object.entries(object.properties ?? {})) {
    const fieldPath = `${prefix}.${name}`;
    const fallback = object.required?.includes(name) ? 'required' : defaultText(property);
    found.push({ path: fieldPath, schema: property, type: typeText(property), fallback });
    found.push(...fields(fieldPath, property));
  }
  return found;
}

function defaultText(schema: StructuralSchema): string {
  if (schema.default === undefined || schema.properties !== undefined) return '';
  const text = typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default);
  return text.length > DEFAULT_MAX_LENGTH ? 'see text' : `\`${text}\``;
}

function typeText(schema: StructuralSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'quantity';
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.additionalProperties !== undefined) return `map of ${typeText(schema.additionalProperties)}`;
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}${bounds(schema.minItems, schema.maxItems)}`;
  if (schema.format === 'date-time') return 'time';
  if (schema.type === 'integer') return `integer${bounds(schema.minimum, schema.maximum)}`;
  return schema.type ?? '';
}

/** The bounds of a value, without those that only mean "as large as the format allows". */
function bounds(lowest: number | undefined, highest: number | undefined): string {
  const unlimited = highest === undefined || highest === 2_147_483_647 || highest === Number.MAX_SAFE_INTEGER;
  if (unlimited) return '';
  return ` (${lowest ?? 0} to ${highest})`;
}

function rules(schema: StructuralSchema): string[] {
  const children = [...Object.values(schema.properties ?? {}), ...(schema.items === undefined ? [] : [schema.items])];
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map((rule) => rule.message),
    ...children.flatMap((child) => rules(child)),
  ];
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
