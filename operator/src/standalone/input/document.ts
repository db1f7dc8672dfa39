import { messageOf } from '@sluice/common/errors/error.ts';
import { type Document, isMap, isNode, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { isObject, type JsonObject } from '../../runtime/memory/fields.ts';

/** One object out of a file. */
export interface InputDocument {
  readonly object: JsonObject;
  /** What is wrong with a field of this object, or with all of it, as {@link faultText}. */
  fault(field: string, message: string): string;
}

/** More aliases than this blow a file up, they do not describe a channel. */
const ALIASES_MAX = 100;
const NO_OBJECT = 'a document must be an object with apiVersion, kind and metadata';

/**
 * What is wrong in a file, as `FILE:LINE: FIELD: MESSAGE`, of which terminals make links.
 * @param line 0: the file as a whole @param field JSON path; empty if it is not about one @param message with the remedy
 */
export function faultText(file: string, line: number, field: string, message: string): string {
  return [line === 0 ? file : `${file}:${line}`, field, message].filter((part) => part !== '').join(': ');
}

/** Reads a file of YAML (or JSON) documents, each a Kubernetes object. Never throws. @param faults gets what is wrong */
export function parseFile(file: string, text: string, faults: string[]): readonly InputDocument[] {
  const counter = new LineCounter();
  const lineAt = (offset: number | undefined) => (offset === undefined ? 0 : counter.linePos(offset).line);
  const parsed = parseAllDocuments(text, { lineCounter: counter });
  return (Array.isArray(parsed) ? parsed : []).flatMap((document) => {
    const fault = (field: string, message: string): string => {
      return faultText(file, lineAt(offsetOf(document, field)), field, message);
    };
    for (const { pos, message } of document.errors) {
      const words = (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
      faults.push(faultText(file, lineAt(pos[0]), '', words));
    }
    if (document.errors.length > 0 || document.contents === null) return [];
    try {
      const object: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
      if (isObject(object)) return [{ object, fault }];
      faults.push(fault('', NO_OBJECT));
    } catch (error) {
      faults.push(fault('', `${messageOf(error)}: write the values out instead of using aliases`));
    }
    return [];
  });
}

/**
 * Where the deepest part of a path (`a.b[0].c`) that exists begins; for a field of a map its key, not its value. Names
 * with dots in them, as in labels, are not found: then the map around them is.
 */
function offsetOf(document: Document, path: string): number | undefined {
  for (const keys = path.match(/[^.[\]]+/g) ?? []; keys.length > 0; keys.pop()) {
    const [parent, last] = [document.getIn(keys.slice(0, -1), true), keys.at(-1)];
    const pair = isMap(parent) ? parent.items.find(({ key }) => String(key) === last)?.key : undefined;
    const node = isSeq(parent) ? parent.items[Number(last)] : pair;
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0];
}
