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
  /** A fault at the line of a field, or of the nearest thing around it. @param field e.g. `spec.transcode.ladder[0].name` */
  fault(field: string, message: string): InputFault;
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
    const found = objectOf(document);
    const fault = (field: string, message: string): InputFault => {
      return { file, line: lineAt(offsetOf(document, keysOf(field))) || line, field, message };
    };
    if (typeof found === 'string') faults.push({ file, line, field: '', message: found });
    else if (found.kind !== LIST_KIND) documents.push({ object: found, fault });
    else faults.push(fault('kind', 'a List is not read: write its items as documents, with --- between them'));
  }
  return { documents, faults };
}

/** The object in a document, or why there is none. */
function objectOf(document: Document<ParsedNode>): JsonObject | string {
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return isObject(value) ? value : 'a document must be an object with apiVersion, kind and metadata';
  } catch (error) {
    return `${messageOf(error)}: write the values out instead of using aliases`;
  }
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
