import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { ApiError } from '../../runtime/client/api-error.ts';
import { type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { apiVersionOf, type ServedKind } from '../../runtime/memory/served-kind.ts';
import { faultText, type InputDocument, parseFile } from './document.ts';

/** Objects out of a file, each by its label, e.g. `Channel demo/film`. */
type Objects = ReadonlyMap<string, { readonly kind: ServedKind; readonly object: JsonObject }>;

/** A file as it was read last. */
interface KnownFile {
  /** Its text and why it was not taken, as JSON. */
  readonly state: string;
  /** What it has given when it was last taken. */
  readonly objects: Objects;
}

/** What is in each file by its path, or why it cannot be read. */
type Texts = ReadonlyMap<string, { readonly text: string; readonly fault: string }>;

/** Large enough for hundreds of objects; a file above this is no configuration. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const YAML_FILE = /^[^.].*\.(yaml|yml|json)$/;
/** Who owns the fields that the files set. */
const FIELD_MANAGER = 'standalone-input';
/** The namespace of objects that name none, as with kubectl. */
const DEFAULT_NAMESPACE = 'default';
/** How often files are looked at: as good as at once for people, and no work for a few files. */
const LOOK_MILLISECONDS = 250;

/**
 * Keeps a store equal to files, or to the YAML and JSON files right in folders, except hidden ones. A file is taken as a
 * whole or not at all; what only files had that have changed or gone is deleted; objects that came into the store in any
 * other way are left alone.
 */
export class FolderInput {
  readonly #inputs: readonly string[];
  readonly #store: ObjectStore;
  readonly #tell: (line: string, isFault: boolean) => void;
  #files: ReadonlyMap<string, KnownFile> = new Map();
  /** The texts that were taken in last, as JSON. */
  #taken = '';

  /** @param tell told what becomes of files: what is taken of them, or why they are refused */
  constructor(inputs: readonly string[], store: ObjectStore, tell: (line: string, isFault: boolean) => void) {
    this.#inputs = inputs;
    this.#store = store;
    this.#tell = tell;
  }

  /** Takes in what has changed since the last time. @throws SluiceError `INPUT_UNREADABLE`; then nothing has changed */
  async read(): Promise<void> {
    this.#take(await textsOf(this.#inputs));
  }

  /**
   * Reads again whenever files have changed, until the end that it returns. Editors write a file in several steps: it
   * is taken when it has stayed as it is from one look to the next.
   * @param onTrouble told once for each new reason why the input cannot be read
   */
  follow(onTrouble: (message: string) => void): () => Promise<void> {
    let [seen, trouble] = ['', ''];
    const look = async (): Promise<void> => {
      try {
        const texts = await textsOf(this.#inputs);
        const now = JSON.stringify([...texts]);
        if (now === seen && now !== this.#taken) this.#take(texts);
        [seen, trouble] = [now, ''];
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
  #take(texts: Texts): void {
    const before = this.#files;
    const files = new Map<string, KnownFile>();
    const owners = new Map<string, string>();
    for (const [path, { text, fault }] of texts) {
      const known = before.get(path);
      const faults = fault === '' ? [] : [faultText(path, 0, '', fault)];
      const found = this.#parse(path, text, owners, faults);
      const state = JSON.stringify([text, faults]);
      const objects = faults.length === 0 ? found : (known?.objects ?? new Map());
      files.set(path, { state, objects });
      for (const label of objects.keys()) owners.set(label, owners.get(label) ?? path);
      if (state === known?.state) continue;
      for (const line of faults) this.#tell(line, true);
      if (faults.length > 0)
        this.#tell(`${path} is not taken as long as this is wrong; what it held before goes on`, false);
      else {
        for (const { kind, object } of found.values()) this.#store.apply(kind, 'object', object, FIELD_MANAGER);
        this.#tell(`${path}: ${[...found.keys()].join(', ')}`, false);
      }
    }
    [this.#files, this.#taken] = [files, JSON.stringify([...texts])];
    const gone = [...before.values()].flatMap(({ objects }) =>
      [...objects.keys()].filter((label) => !owners.has(label)),
    );
    this.#store.deleteAll((object) => gone.includes(labelOf(object)));
    for (const path of before.keys()) if (!files.has(path)) this.#tell(`${path} holds nothing any more`, false);
  }

  /** The objects in a file. @param owners files of the objects that other files have @param faults gets what is wrong */
  #parse(path: string, text: string, owners: ReadonlyMap<string, string>, faults: string[]): Objects {
    const found = new Map<string, { kind: ServedKind; object: JsonObject }>();
    for (const document of parseFile(path, text, faults)) {
      const { apiVersion, kind: name } = document.object;
      const kind = this.#store.kinds.find((each) => each.kind === name && apiVersionOf(each) === apiVersion);
      if (kind === undefined) {
        const known = this.#store.kinds.map((each) => `${each.kind} (${apiVersionOf(each)})`).join(', ');
        faults.push(document.fault('kind', `${name} (${apiVersion}) is not known here; known: ${known}`));
        continue;
      }
      const { namespace, ...metadata } = metadataOf(document.object);
      const place = kind.namespaced ? { namespace: namespace ?? DEFAULT_NAMESPACE } : {};
      const object = { ...document.object, metadata: { ...metadata, ...place } };
      const label = labelOf(object);
      const owner = found.has(label) ? 'this file' : owners.get(label);
      const message = `${label} is in ${owner} already: remove it here or there, or give it another name`;
      if (owner === undefined) faults.push(...this.#trial(kind, object, document));
      else faults.push(document.fault('metadata.name', message));
      found.set(label, { kind, object });
    }
    return found;
  }

  /** What the store would say to an object; empty if it would take it. */
  #trial(kind: ServedKind, object: JsonObject, document: InputDocument): readonly string[] {
    try {
      this.#store.apply(kind, 'object', object, FIELD_MANAGER, { dryRun: true });
      return [];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const causes = error.causes.length > 0 ? error.causes : [{ path: '', message: error.message }];
      return causes.map(({ path, message }) => document.fault(path, message));
    }
  }
}

function labelOf({ kind, metadata }: JsonObject): string {
  const { namespace, name } = metadata as JsonObject;
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** Sorted by name within each folder. @throws SluiceError `INPUT_UNREADABLE` */
async function textsOf(inputs: readonly string[]): Promise<Texts> {
  const paths = inputs.map(async (input) => {
    try {
      if ((await stat(input)).isFile()) return [input];
      const entries = await readdir(input, { withFileTypes: true });
      const files = entries.filter((entry) => !entry.isDirectory() && YAML_FILE.test(entry.name));
      return files.map(({ name }) => join(input, name)).sort();
    } catch (cause) {
      const message = `${input} cannot be read: name a YAML file, or a folder with such files`;
      throw new SluiceError(message, { code: 'INPUT_UNREADABLE', retryable: true, cause });
    }
  });
  const read = (await Promise.all(paths)).flat().map(async (path) => [path, await textOf(path)] as const);
  return new Map(await Promise.all(read));
}

async function textOf(path: string): Promise<{ text: string; fault: string }> {
  try {
    if ((await stat(path)).size > FILE_BYTES_MAX) throw new RangeError(`${path} is larger`);
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path)), fault: '' };
  } catch (error) {
    const remedy = `let it be a file that this user may read, in UTF-8 and of at most ${FILE_BYTES_MAX} bytes`;
    return { text: '', fault: `${messageOf(error)}: ${remedy}` };
  }
}
