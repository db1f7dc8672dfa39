import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubernetesObject } from '../client/client.ts';
import { Store, type StoreChange } from './store.ts';

interface Item extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & { readonly uid: string; readonly resourceVersion: string };
}

function item(name: string, uid: string, resourceVersion: string | number, labels: Record<string, string> = {}): Item {
  return { metadata: { namespace: 'default', name, uid, resourceVersion: String(resourceVersion), labels } };
}

const byColour = {
  colour: ({ metadata }: Item) => (metadata.labels?.colour === undefined ? [] : [metadata.labels.colour]),
};

function shape(changes: readonly StoreChange<Item>[]): (readonly [string | null, string | null])[] {
  const name = (object: Item | null) =>
    object === null ? null : `${object.metadata.uid}@${object.metadata.resourceVersion}`;
  return changes.map(({ before, after }) => [name(before), name(after)] as const);
}

describe('Store', () => {
  test('takes newer versions and ignores the same and older ones, by number and not by text', () => {
    const store = new Store<Item>();
    expect(shape(store.set(item('film', 'a', 9)))).toEqual([[null, 'a@9']]);
    expect(shape(store.set(item('film', 'a', 10)))).toEqual([['a@9', 'a@10']]);
    expect(store.set(item('film', 'a', 10))).toEqual([]);
    expect(store.set(item('film', 'a', 9))).toEqual([]);
  });

  test('tells a recreated object as the end of the old and the new one', () => {
    const store = new Store<Item>();
    store.set(item('film', 'a', 1));
    expect(shape(store.set(item('film', 'b', 2)))).toEqual([
      ['a@1', null],
      [null, 'b@2'],
    ]);
  });

  test('lets a late word of the predecessor neither replace nor delete its successor', () => {
    const store = new Store<Item>();
    store.set(item('film', 'b', 5));
    expect(store.set(item('film', 'a', 4))).toEqual([]);
    expect(store.delete({ namespace: 'default', name: 'film', uid: 'a' })).toEqual([]);
    expect(store.get('default/film')?.metadata.uid).toBe('b');
  });

  test('replaces: removes, exchanges, adds, is silent about the same, keeps what could not be read', () => {
    const store = new Store<Item>();
    for (const name of ['gone', 'recreated', 'same', 'unreadable']) store.set(item(name, `old-${name}`, 5));
    const list = [item('recreated', 'new', 7), item('same', 'old-same', 5), item('added', 'added', 6)];
    expect(shape(store.replace(list, new Set(['default/unreadable'])))).toEqual([
      ['old-gone@5', null],
      ['old-recreated@5', null],
      [null, 'new@7'],
      [null, 'added@6'],
    ]);
    expect(store.get('default/unreadable')).toBeDefined();
  });

  test('replaces by older versions after the server was restored', () => {
    const store = new Store<Item>();
    store.set(item('film', 'a', 100));
    expect(shape(store.replace([item('film', 'a', 50)]))).toEqual([['a@100', 'a@50']]);
  });

  test('refuses an index that was not declared', () => {
    expect(() => new Store<Item>().byIndex('colour', 'red')).toThrow(RangeError);
  });

  test('finds by index exactly what a search through all objects finds, after any history', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      uid: fc.constantFrom('1', '2'),
      colour: fc.constantFrom('red', 'blue', undefined),
      kind: fc.constantFrom('set', 'delete', 'replace'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const store = new Store<Item>(byColour);
        for (const [version, { name, uid, colour, kind }] of steps.entries()) {
          const object = item(name, uid, version, colour === undefined ? {} : { colour });
          if (kind === 'set') store.set(object);
          else if (kind === 'delete') store.delete({ namespace: 'default', name, uid });
          else store.replace([object]);
          for (const wanted of ['red', 'blue']) {
            const found = store.byIndex('colour', wanted).map(({ metadata }) => metadata.name);
            const searched = store.list().filter(({ metadata }) => metadata.labels?.colour === wanted);
            expect(found.sort()).toEqual(searched.map(({ metadata }) => metadata.name).sort());
          }
        }
      }),
    );
  });
});
