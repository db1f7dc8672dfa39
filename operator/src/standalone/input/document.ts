import { messageOf } from '@sluice/common/errors/error.ts';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
} from 'yaml';
import { isObject, type JsonObject } from '../../runtime/memory/fields.ts';

/** Something in a file that keeps it from being taken. */
export interface InputFault {
  readonly file: string;
  /** From 1; 0: the file as a whole. */
  readonly line: number;
  /** JSON path of the field; empty if it is not about one. */
  readonly field: string;
  /** What is wrong, and the remedy. */
  readonly message: string;
}

/** One object out of a file. */
export interface InputDocument {
  readonly object: JsonObject;
  readonly file: string;
  /** The line of a field, or of the nearest thing around it. @param path e.g. `spec.transcode.ladder[0].name` */
  lineOf(path: string): number;
}

/** What a file holds; with a fault nothing of it is to be used. */
export interface ParsedFile {
  readonly documents: readonly InputDocument[];
  readonly faults: readonly InputFault[];
}

/** More aliases than this blow a file up, they do not describe a channel. */
const ALIASES_MAX = 100;
/** Lists of Kubernetes objects, as `kubectl get -o yaml` prints them. */
const LIST_KIND = 'List';

/** Reads a file of YAML (or JSON) documents, each a Kubernetes object. Never throws. */
export function parseFile(file: string, text: string): ParsedFile {
  const counter = new LineCounter();
  const lineAt = (offset: number | undefined) => (offset === undefined ? 0 : counter.linePos(offset).line);
  const parsed = parseAllDocuments(text, { lineCounter: counter });
  const documents: InputDocument[] = [];
  const faults: InputFault[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    for (const { pos, message } of document.errors) {
      faults.push({ file, line: lineAt(pos[0]), field: '', message: firstLine(message) });
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const line = lineAt(document.contents.range?.[0]);
    const { object, problem, field = '' } = objectOf(document);
    if (object === undefined) faults.push({ file, line, field, message: problem });
    else documents.push({ object, file, lineOf: (path) => lineAt(offsetOf(document, keysOf(path))) || line });
  }
  return { documents, faults };
}

type Found =
  | { readonly object: JsonObject; readonly problem?: never; readonly field?: never }
  | { readonly object?: never; readonly problem: string; readonly field?: string };

/** The object in a document, or why there is none. */
function objectOf(document: Document<ParsedNode>): Found {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    return { problem: `${messageOf(error)}: write the values out instead of using aliases` };
  }
  if (!isObject(value)) return { problem: 'a document must be an object with apiVersion, kind and metadata' };
  if (value.kind !== LIST_KIND) return { object: value };
  return { field: 'kind', problem: 'a List is not read: write its items as documents, with --- between them' };
}

/** Where the deepest part of a path that exists begins; for a field of a map its key, not its value. */
function offsetOf(document: Document<ParsedNode>, path: readonly (string | number)[]): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isNode(item.key) && String(item.key) === String(key));
      if (isNode(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair?.value;
    } else if (isCollection(node)) {
      node = node.get(key, true);
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

/** `a.b[0].c` as keys. Names with dots in them, as in labels, are not found: then the map around them is. */
function keysOf(path: string): readonly (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([text, index]) => (index === undefined ? text : Number(index)));
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}
