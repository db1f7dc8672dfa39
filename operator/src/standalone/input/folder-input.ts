import { messageOf } from '@sluice/common/errors/error.ts';
import { StatusAnswer } from '../../runtime/memory/answer.ts';
import { type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { apiVersionOf, kindOfObject, type ServedKind } from '../../runtime/memory/served-kind.ts';
import { type InputDocument, type InputFault, parseFile } from './document.ts';
import { type FileState, listFiles, readText } from './files.ts';

/** What an input tells of its work. */
export interface InputEvents {
  /** A file is refused as a whole; what it held before goes on. */
  refused(faults: readonly InputFault[]): void;
  /** A file has been taken, or is gone (then without objects). `labels` like `Channel demo/film`. */
  taken(file: string, labels: readonly string[]): void;
}

/** An object out of a file, ready to be applied. */
interface InputObject {
  readonly kind: ServedKind;
  readonly object: JsonObject;
  readonly document: InputDocument;
  readonly namespace: string;
  readonly name: string;
  /** For messages and to tell objects apart, e.g. `Channel demo/film`. */
  readonly label: string;
}

/** A file as it was read last, with what it has given when it was last taken. */
interface KnownFile extends FileState {
  readonly isTaken: boolean;
  readonly objects: readonly InputObject[];
}

/** Who owns the fields that the files set. */
const FIELD_MANAGER = 'standalone-input';
/** The namespace of objects that name none, as with kubectl. */
const DEFAULT_NAMESPACE = 'default';
/** Names and namespaces are parts of paths and URLs (RFC 1123 subdomain). */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** How often files are looked at: as good as at once for people, and no work for a few files. */
const LOOK_MILLISECONDS = 250;

/**
 * Keeps a store equal to a file, or to the files of a folder. A file is taken as a whole or not at all; what only files
 * had that have changed or gone is deleted; objects that came into the store in any other way are left alone.
 */
export class FolderInput {
  readonly #input: string;
  readonly #store: ObjectStore;
  readonly #events: InputEvents;
  #files: ReadonlyMap<string, KnownFile> = new Map();
  #seen: readonly FileState[] = [];

  constructor(input: string, store: ObjectStore, events: InputEvents) {
    this.#input = input;
    this.#store = store;
    this.#events = events;
  }

  /** Takes in what has changed since the last time. @throws SluiceError `INPUT_UNREADABLE`; then nothing has changed */
  async read(): Promise<void> {
    await this.#take(await listFiles(this.#input));
  }

  /**
   * Reads again whenever files have changed, until the end that it returns. Editors write a file in several steps: it
   * is read when it has stayed as it is from one look to the next.
   * @param onTrouble told once for each new reason why the input cannot be read
   */
  follow(onTrouble: (message: string) => void): () => Promise<void> {
    let trouble = '';
    const look = async (): Promise<void> => {
      const before = new Set(this.#seen.map(({ path, fingerprint }) => path + fingerprint));
      try {
        this.#seen = await listFiles(this.#input);
        const isSettled = this.#seen.every(({ path, fingerprint }) => before.has(path + fingerprint));
        if (isSettled) await this.#take(this.#seen);
        trouble = '';
      } catch (error) {
        if (messageOf(error) !== trouble) onTrouble(messageOf(error));
        trouble = messageOf(error);
      }
    };
    let looking = Promise.resolve();
    const timer = setInterval(() => {
      looking = looking.then(look);
    }, LOOK_MILLISECONDS);
    return () => {
      clearInterval(timer);
      return looking;
    };
  }

  /** After any change all files are looked at again, in order: an object belongs to the first file that has it. */
  async #take(states: readonly FileState[]): Promise<void> {
    const before = this.#files;
    const isKnown = ({ path, fingerprint }: FileState) => before.get(path)?.fingerprint === fingerprint;
    if (states.length === before.size && states.every(isKnown)) return;
    const files = new Map<string, KnownFile>();
    const owners = new Map<string, string>();
    for (const state of states) {
      const { path } = state;
      const { found, faults } = await this.#reading(path, owners);
      const isTaken = faults.length === 0;
      const objects = isTaken ? found : (before.get(path)?.objects ?? []);
      files.set(path, { ...state, isTaken, objects });
      for (const { label } of objects) owners.set(label, owners.get(label) ?? path);
      if (isKnown(state) && before.get(path)?.isTaken === isTaken) continue;
      if (!isTaken) this.#events.refused(faults);
      else this.#apply(path, objects);
    }
    this.#files = files;
    for (const [path, { objects }] of before) {
      for (const object of objects) if (!owners.has(object.label)) this.#delete(object);
      if (!files.has(path)) this.#events.taken(path, []);
    }
  }

  #apply(path: string, objects: readonly InputObject[]): void {
    for (const { kind, object } of objects) this.#store.apply(kind, 'object', object, FIELD_MANAGER);
    this.#events.taken(
      path,
      objects.map(({ label }) => label),
    );
  }

  /** What is in a file. @param owners files of the objects that other files have */
  async #reading(path: string, owners: ReadonlyMap<string, string>) {
    const found: InputObject[] = [];
    const faults: InputFault[] = [];
    try {
      const parsed = parseFile(path, await readText(path));
      faults.push(...parsed.faults);
      for (const document of parsed.documents) {
        const object = inputObject(this.#store.kinds, document, faults);
        if (object === null) continue;
        const isDouble = found.some(({ label }) => label === object.label);
        const owner = isDouble ? 'this file' : owners.get(object.label);
        const message = `${object.label} is in ${owner} already: remove it here or there, or give it another name`;
        if (owner === undefined) faults.push(...this.#trial(object));
        else faults.push(document.fault('metadata.name', message));
        found.push(object);
      }
    } catch (error) {
      faults.push({ file: path, line: 0, field: '', message: messageOf(error) });
    }
    return { found, faults };
  }

  /** What the store would say to an object; empty if it would take it. */
  #trial({ kind, object, document }: InputObject): readonly InputFault[] {
    try {
      this.#store.apply(kind, 'object', object, FIELD_MANAGER, { dryRun: true, strict: true });
      return [];
    } catch (error) {
      if (!(error instanceof StatusAnswer)) throw error;
      if (error.causes.length === 0) return [document.fault('', error.message)];
      return error.causes.map(({ path, message }) => document.fault(path, message));
    }
  }

  #delete({ kind, namespace, name }: InputObject): void {
    try {
      this.#store.delete(kind, namespace, name, undefined);
    } catch (error) {
      if (!(error instanceof StatusAnswer)) throw error; // somebody else has deleted it
    }
  }
}

/** The object in a document as far as one can judge it alone; null if it is none, and why goes to `faults`. */
function inputObject(kinds: readonly ServedKind[], document: InputDocument, faults: InputFault[]): InputObject | null {
  const { apiVersion, kind: kindName } = document.object;
  const kind = kindOfObject(kinds, document.object);
  if (kind === undefined) {
    const known = kinds.map((each) => `${each.kind} (${apiVersionOf(each)})`).join(', ');
    const message = `${String(kindName)} (${String(apiVersion)}) is not known here; known: ${known}`;
    faults.push(document.fault('kind', message));
    return null;
  }
  const metadata = metadataOf(document.object);
  const name = String(metadata.name ?? '');
  const scope = kind.namespaced ? { namespace: String(metadata.namespace ?? DEFAULT_NAMESPACE) } : {};
  const bad = Object.entries({ name, ...scope }).filter(([, text]) => !NAME.test(text));
  const remedy = 'use lower-case letters, digits and dashes, with a letter or digit at both ends';
  faults.push(...bad.map(([field, text]) => document.fault(`metadata.${field}`, `"${text}" is no name: ${remedy}`)));
  if (bad.length > 0) return null;
  const { namespace = '' } = scope;
  const label = `${kind.kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
  return {
    kind,
    object: { ...document.object, metadata: { ...metadata, name, ...scope } },
    document,
    namespace,
    name,
    label,
  };
}
