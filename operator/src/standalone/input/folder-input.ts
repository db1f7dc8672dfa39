import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { StatusAnswer } from '../../runtime/memory/answer.ts';
import { type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { apiVersionOf, kindOfObject, type ServedKind } from '../../runtime/memory/served-kind.ts';
import { type InputDocument, type InputFault, parseFile } from './document.ts';

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
  readonly namespace: string;
  readonly name: string;
  /** For messages and to tell objects apart, e.g. `Channel demo/film`. */
  readonly label: string;
}

/** A file as it was read last. */
interface KnownFile {
  readonly text: string;
  /** Why it was not taken, as JSON; empty if it was. */
  readonly refusal: string;
  /** What it has given when it was last taken. */
  readonly objects: readonly InputObject[];
}

/** Large enough for hundreds of objects; a file above this is no configuration. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const YAML_FILE = /^[^.].*\.(yaml|yml|json)$/;
/** Who owns the fields that the files set. */
const FIELD_MANAGER = 'standalone-input';
/** The namespace of objects that name none, as with kubectl. */
const DEFAULT_NAMESPACE = 'default';
/** Names and namespaces are parts of paths and URLs (RFC 1123 subdomain). */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAME_REMEDY = 'use lower-case letters, digits and dashes, with a letter or digit at both ends';
/** How often files are looked at: as good as at once for people, and no work for a few files. */
const LOOK_MILLISECONDS = 250;

/**
 * Keeps a store equal to a file, or to the YAML and JSON files right in a folder, except hidden ones. A file is taken as
 * a whole or not at all; what only files had that have changed or gone is deleted; objects that came into the store in
 * any other way are left alone.
 */
export class FolderInput {
  readonly #input: string;
  readonly #store: ObjectStore;
  readonly #events: InputEvents;
  #files: ReadonlyMap<string, KnownFile> = new Map();
  /** State of all files at the last look, and when they were last read. */
  #seen = '';
  #taken = '';

  constructor(input: string, store: ObjectStore, events: InputEvents) {
    this.#input = input;
    this.#store = store;
    this.#events = events;
  }

  /** Takes in what has changed since the last time. @throws SluiceError `INPUT_UNREADABLE`; then nothing has changed */
  async read(): Promise<void> {
    await this.#take(await this.#paths());
  }

  /**
   * Reads again whenever files have changed, until the end that it returns. Editors write a file in several steps: it
   * is read when it has stayed as it is from one look to the next.
   * @param onTrouble told once for each new reason why the input cannot be read
   */
  follow(onTrouble: (message: string) => void): () => Promise<void> {
    let trouble = '';
    const look = async (): Promise<void> => {
      try {
        const paths = await this.#paths();
        const states = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
        const now = JSON.stringify([paths, states.map((state) => state && [state.ino, state.size, state.mtimeMs])]);
        if (now === this.#seen && now !== this.#taken) {
          await this.#take(paths);
          this.#taken = now;
        }
        this.#seen = now;
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

  /** Sorted by name. @throws SluiceError `INPUT_UNREADABLE` */
  async #paths(): Promise<readonly string[]> {
    try {
      if ((await stat(this.#input)).isFile()) return [this.#input];
      const entries = await readdir(this.#input, { withFileTypes: true });
      const names = entries.filter((entry) => !entry.isDirectory() && YAML_FILE.test(entry.name));
      return names.map(({ name }) => join(this.#input, name)).sort();
    } catch (cause) {
      const message = `${this.#input} cannot be read: name a YAML file, or a folder with such files`;
      throw new SluiceError(message, { code: 'INPUT_UNREADABLE', retryable: true, cause });
    }
  }

  /** After any change all files are read again, in order: an object belongs to the first file that has it. */
  async #take(paths: readonly string[]): Promise<void> {
    const before = this.#files;
    const files = new Map<string, KnownFile>();
    const owners = new Map<string, string>();
    for (const path of paths) {
      const known = before.get(path);
      const { text, found, faults } = await this.#read(path, owners);
      const refusal = faults.length === 0 ? '' : JSON.stringify(faults);
      const objects = refusal === '' ? found : (known?.objects ?? []);
      files.set(path, { text, refusal, objects });
      for (const { label } of objects) owners.set(label, owners.get(label) ?? path);
      if (text === known?.text && refusal === known.refusal) continue;
      if (refusal !== '') this.#events.refused(faults);
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
    const labels = objects.map(({ label }) => label);
    this.#events.taken(path, labels);
  }

  /** What is in a file. @param owners files of the objects that other files have */
  async #read(path: string, owners: ReadonlyMap<string, string>) {
    const found: InputObject[] = [];
    const faults: InputFault[] = [];
    let text = '';
    try {
      text = await readText(path);
      const parsed = parseFile(path, text);
      faults.push(...parsed.faults);
      for (const document of parsed.documents) {
        const object = inputObject(this.#store.kinds, document, faults);
        if (object === null) continue;
        const isDouble = found.some(({ label }) => label === object.label);
        const owner = isDouble ? 'this file' : owners.get(object.label);
        const message = `${object.label} is in ${owner} already: remove it here or there, or give it another name`;
        if (owner === undefined) faults.push(...this.#trial(object, document));
        else faults.push(document.fault('metadata.name', message));
        found.push(object);
      }
    } catch (error) {
      faults.push({ file: path, line: 0, field: '', message: messageOf(error) });
    }
    return { text, found, faults };
  }

  /** What the store would say to an object; empty if it would take it. */
  #trial({ kind, object }: InputObject, document: InputDocument): readonly InputFault[] {
    try {
      this.#store.apply(kind, 'object', object, FIELD_MANAGER, { dryRun: true });
      return [];
    } catch (error) {
      if (!(error instanceof StatusAnswer)) throw error;
      if (error.causes.length === 0) return [document.fault('', error.message)];
      return error.causes.map(({ path, message }) => document.fault(path, message));
    }
  }

  #delete({ kind, namespace, name }: InputObject): void {
    if (this.#store.find(kind, namespace, name) !== undefined) this.#store.delete(kind, namespace, name);
  }
}

/** The text of a file. @throws Error with a message that says what to do */
async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > FILE_BYTES_MAX) throw new Error(`more than ${FILE_BYTES_MAX} bytes: split the file`);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new Error(`${messageOf(cause)}: let it be a file that this user may read`, { cause });
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error('cannot be read as UTF-8: save the file as UTF-8', { cause });
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
  const namespace = kind.namespaced ? String(metadata.namespace ?? DEFAULT_NAMESPACE) : '';
  const scope = kind.namespaced ? { namespace } : {};
  const bad = Object.entries({ name, ...scope }).filter(([, text]) => !NAME.test(text));
  faults.push(
    ...bad.map(([field, text]) => document.fault(`metadata.${field}`, `"${text}" is no name: ${NAME_REMEDY}`)),
  );
  if (bad.length > 0) return null;
  const object = { ...document.object, metadata: { ...metadata, name, ...scope } };
  return { kind, object, namespace, name, label: `${kind.kind} ${kind.namespaced ? `${namespace}/` : ''}${name}` };
}
