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
  /** A fault of this object, with the line of the field that it is about. */
  fault(field: string, message: string): InputFault;
}

/** What a file holds; with faults nothing of it is to be used. */
export interface ParsedFile {
  readonly documents: readonly InputDocument[];
  readonly faults: readonly InputFault[];
}

/** More aliases than this blow a file up, they do not describe a channel. */
const ALIASES_MAX = 100;
const NO_OBJECT = 'a document must be an object with apiVersion, kind and metadata';

/** Reads a file of YAML (or JSON) documents, each a Kubernetes object. Never throws. */
export function parseFile(file: string, text: string): ParsedFile {
  const counter = new LineCounter();
  const lineAt = (offset: number | undefined) => (offset === undefined ? 0 : counter.linePos(offset).line);
  const parsed = parseAllDocuments(text, { lineCounter: counter });
  const documents: InputDocument[] = [];
  const faults: InputFault[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    for (const { pos, message } of document.errors) {
      const words = (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
      faults.push({ file, line: lineAt(pos[0]), field: '', message: words });
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const fault = (field: string, message: string): InputFault => {
      return { file, line: lineAt(offsetOf(document, field)), field, message };
    };
    try {
      const object: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
      if (isObject(object)) documents.push({ object, fault });
      else faults.push(fault('', NO_OBJECT));
    } catch (error) {
      faults.push(fault('', `${messageOf(error)}: write the values out instead of using aliases`));
    }
  }
  return { documents, faults };
}

/**
 * Where the deepest part of a path (`a.b[0].c`) that exists begins; for a field of a map its key, not its value. Names
 * with dots in them, as in labels, are not found: then the map around them is.
 */
function offsetOf(document: Document<ParsedNode>, path: string): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const [text, index] of path.matchAll(/\[(\d+)\]|[^.[\]]+/g)) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isNode(key) && String(key) === text);
      if (isNode(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair?.value;
    } else if (isCollection(node)) {
      node = node.get(Number(index), true);
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
