import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SERVED_WIDGET, widget } from '../testing/widget.ts';
import { type JsonObject, metadataOf } from './fields.ts';
import { ObjectStore } from './object-store.ts';
import { follow, isSelected } from './selection.ts';

/** What somebody does to one of three objects. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('apply' as const),
      name: fc.constantFrom('a', 'b', 'c'),
      manager: fc.constantFrom('one', 'two'),
      spec: fc.dictionary(fc.constantFrom('size', 'colour', 'shape'), fc.integer({ min: 1, max: 3 })),
      isOn: fc.boolean(),
      isHeld: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('delete' as const), name: fc.constantFrom('a', 'b', 'c') }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(store: ObjectStore, done: Step): void {
  if (done.act === 'delete') {
    const isThere = store.list(SERVED_WIDGET).some((object) => metadataOf(object).name === done.name);
    if (isThere) store.delete(SERVED_WIDGET, 'default', done.name);
    return;
  }
  store.apply(SERVED_WIDGET, 'object', configuration(done), done.manager);
}

function configuration({ name, spec, isOn, isHeld }: Extract<Step, { act: 'apply' }>): JsonObject {
  const metadata = {
    ...(isOn ? { labels: { on: 'yes' } } : {}),
    ...(isHeld ? { finalizers: ['example.com/hold'] } : {}),
  };
  return widget(name, spec, metadata) as unknown as JsonObject;
}

const newStore = () => new ObjectStore({ kinds: [SERVED_WIDGET], now: () => 0 });
const byUid = (objects: readonly JsonObject[]) => new Map(objects.map((object) => [metadataOf(object).uid, object]));

describe('whatever is written', () => {
  test.each(['', 'on'])(
    'a list and the watch that goes on from it give the list of later (selector "%s")',
    (selector) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 12 }), fc.array(step, { maxLength: 12 }), (before, after) => {
          const store = newStore();
          const request = { labelSelector: selector };
          const list = () => byUid(store.list(SERVED_WIDGET).filter((object) => isSelected(request, object)));
          for (const each of before) take(store, each);
          const known = list();
          const watch = { ...request, resourceVersion: String(store.resourceVersion) };
          const half = Math.floor(after.length / 2);
          for (const each of after.slice(0, half)) take(store, each);
          const end = follow(store, SERVED_WIDGET, watch, ({ type, object }) => {
            const { uid } = metadataOf(object as JsonObject);
            expect(known.has(uid)).toBe(type !== 'ADDED');
            if (type === 'DELETED') known.delete(uid);
            else known.set(uid, object as JsonObject);
          });
          for (const each of after.slice(half)) take(store, each);
          end();
          expect(known).toEqual(list());
        }),
        { numRuns: 100 },
      );
    },
  );

  test('an apply sets its fields, and doing it again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), step, (before, last) => {
        const store = newStore();
        for (const each of before) take(store, each);
        take(store, last);
        if (last.act === 'delete') return;
        const version = store.resourceVersion;
        const stored = store.list(SERVED_WIDGET).find((object) => metadataOf(object).name === last.name);
        if (stored === undefined) return; // it was being deleted, and the apply took its last finalizer away
        expect(stored.spec).toMatchObject(last.spec);
        take(store, last);
        expect(store.resourceVersion).toBe(version);
      }),
      { numRuns: 100 },
    );
  });

  test('a field is there as long as one of its managers applies it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const store = newStore();
        const wanted = new Map<string, JsonObject>();
        for (const each of steps) {
          take(store, each);
          if (each.act === 'apply') {
            wanted.set(`${each.name}/${each.manager}`, each.spec);
            const other = `${each.name}/${each.manager === 'one' ? 'two' : 'one'}`;
            // By force: who had another value in a field has lost it.
            const kept = Object.entries(wanted.get(other) ?? {}).filter(
              ([field, value]) => (each.spec[field] ?? value) === value,
            );
            wanted.set(other, Object.fromEntries(kept));
          }
          const isThere = store.list(SERVED_WIDGET).some((object) => metadataOf(object).name === each.name);
          if (!isThere) for (const manager of ['one', 'two']) wanted.delete(`${each.name}/${manager}`);
        }
        for (const object of store.list(SERVED_WIDGET)) {
          const { name } = metadataOf(object);
          const fields = ['one', 'two'].flatMap((manager) => Object.keys(wanted.get(`${name}/${manager}`) ?? {}));
          expect(Object.keys((object.spec as JsonObject | undefined) ?? {}).sort()).toEqual(
            [...new Set(fields)].sort(),
          );
        }
      }),
      { numRuns: 100 },
    );
  });
});

test('a change of one field leaves the others, lists to which the kind adds defaults among them', () => {
  const admit = (object: JsonObject): JsonObject => {
    const { rungs = [], ...spec } = object.spec as { rungs?: readonly object[] };
    return { ...object, spec: { ...spec, rungs: rungs.map((rung) => ({ audio: 1, ...rung })) } };
  };
  const kind = { ...SERVED_WIDGET, admit };
  const store = new ObjectStore({ kinds: [kind], now: () => 0 });
  store.apply(kind, 'object', widget('film', { rungs: [{ lines: 2 }], size: 1 }) as unknown as JsonObject, 'one');
  store.update(kind, 'default', 'film', ({ spec }) => {
    Object.assign(spec as JsonObject, { size: 2 });
  });
  expect(store.get(kind, 'default', 'film').spec).toEqual({ rungs: [{ audio: 1, lines: 2 }], size: 2 });
  store.apply(kind, 'object', widget('film', { size: 2 }) as unknown as JsonObject, 'one');
  expect(store.get(kind, 'default', 'film').spec).toEqual({ rungs: [], size: 2 });
});
