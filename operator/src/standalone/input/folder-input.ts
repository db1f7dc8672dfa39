import { messageOf } from '@sluice/common/errors/error.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { type InputDocument, type InputFault, parseFile } from './document.ts';
import { type FileState, listFiles, readText } from './files.ts';
import {
  applyObject,
  deleteObject,
  faultAt,
  type InputObject,
  inputObject,
  isInputObject,
  trialFaults,
} from './objects.ts';

/** What an input tells of its work. */
export interface InputEvents {
  /** A file is refused as a whole; what it held before goes on. */
  refused(faults: readonly InputFault[]): void;
  /** A file has been taken, or is gone (then without objects). `labels` like `Channel demo/film`. */
  taken(file: string, labels: readonly string[]): void;
}

/** What a file has given so far. */
interface KnownFile {
  readonly fingerprint: string;
  readonly objects: readonly InputObject[];
}

/** A file that has changed, as it is now. */
interface Reading {
  readonly state: FileState;
  readonly found: readonly { readonly document: InputDocument; readonly object: InputObject }[];
  readonly faults: readonly InputFault[];
}

/**
 * Keeps a store equal to a file, or to the files of a folder. A file is taken as a whole or not at all; what only files
 * had that have changed or gone is deleted; objects that came into the store in any other way are left alone.
 */
export class FolderInput {
  readonly #input: string;
  readonly #store: ObjectStore;
  readonly #events: InputEvents;
  readonly #files = new Map<string, KnownFile>();

  constructor(input: string, store: ObjectStore, events: InputEvents) {
    this.#input = input;
    this.#store = store;
    this.#events = events;
  }

  /** Takes in what has changed since the last time. @throws SluiceError `INPUT_UNREADABLE`; then nothing has changed */
  async read(): Promise<void> {
    const states = await listFiles(this.#input);
    const present = new Set(states.map(({ path }) => path));
    const gone = [...this.#files.keys()].filter((path) => !present.has(path));
    const changed = states.filter(({ path, fingerprint }) => this.#files.get(path)?.fingerprint !== fingerprint);
    const readings: Reading[] = [];
    for (const state of changed) readings.push(await this.#reading(state));
    const before = [...this.#files.values()].flatMap(({ objects }) => objects);
    for (const path of gone) this.#files.delete(path);
    this.#decide(readings);
    this.#deleteUnnamed(before);
    for (const path of gone) this.#events.taken(path, []);
  }

  async #reading(state: FileState): Promise<Reading> {
    let text: string;
    try {
      text = await readText(state.path);
    } catch (error) {
      return { state, found: [], faults: [{ file: state.path, line: 0, field: '', message: messageOf(error) }] };
    }
    const parsed = parseFile(state.path, text);
    const faults = [...parsed.faults];
    const found = new Map<string, { document: InputDocument; object: InputObject }>();
    for (const document of parsed.documents) {
      const object = inputObject(this.#store, document);
      if (!isInputObject(object)) faults.push(...object);
      else if (found.has(object.key)) {
        const message = `${object.label} is in this file already: give one of them another name`;
        faults.push(faultAt(document, 'metadata.name', message));
      } else {
        found.set(object.key, { document, object });
        faults.push(...trialFaults(this.#store, object, document));
      }
    }
    return { state, found: [...found.values()], faults };
  }

  /** An object belongs to one file: to the one that has it already, or else to the first by name. */
  #decide(readings: readonly Reading[]): void {
    const fine = new Set(readings.filter(({ faults }) => faults.length === 0).map(({ state }) => state.path));
    const owners = new Map<string, string>();
    for (const [path, { objects }] of this.#files) {
      if (!fine.has(path)) for (const { key } of objects) owners.set(key, path);
    }
    for (const { state, found, faults } of readings) {
      const doubles = found.flatMap(({ document, object }) => {
        const owner = owners.get(object.key) ?? state.path;
        if (owner === state.path) return [];
        const message = `${object.label} is in ${owner} already: remove it from one of the files`;
        return [faultAt(document, 'metadata.name', message)];
      });
      const all = [...faults, ...doubles];
      const objects = found.map(({ object }) => object);
      if (all.length > 0) this.#refuse(state, all);
      else this.#take(state, objects);
      if (all.length === 0) for (const { key } of objects) owners.set(key, state.path);
    }
  }

  #refuse({ path, fingerprint }: FileState, faults: readonly InputFault[]): void {
    this.#files.set(path, { fingerprint, objects: this.#files.get(path)?.objects ?? [] });
    this.#events.refused(faults);
  }

  #take({ path, fingerprint }: FileState, objects: readonly InputObject[]): void {
    this.#files.set(path, { fingerprint, objects });
    for (const object of objects) applyObject(this.#store, object);
    const labels = objects.map(({ label }) => label);
    this.#events.taken(path, labels);
  }

  /** Deletes what no file names any more. */
  #deleteUnnamed(before: readonly InputObject[]): void {
    const named = new Set([...this.#files.values()].flatMap(({ objects }) => objects.map(({ key }) => key)));
    for (const object of before) if (!named.has(object.key)) deleteObject(this.#store, object);
  }
}
