import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ResourceType } from '../client/client.ts';
import { createMemoryClient } from '../memory/client.ts';
import { ObjectStore } from '../memory/object-store.ts';
import { SERVED_WIDGET, WIDGET, type Widget, widget } from '../testing/widget.ts';
import { createFinalizer, type WithFinalizers } from './finalizer.ts';

const NAME = 'example.com/account';
const TYPE = WIDGET as ResourceType<Widget & WithFinalizers>;

describe('a finalizer', () => {
  let store: ObjectStore;
  let undone: string[];
  let fails: boolean;

  beforeEach(() => {
    store = new ObjectStore({ kinds: [SERVED_WIDGET], now: Date.now });
    store.create(SERVED_WIDGET, widget('a', { size: 1 }) as never, 'kubectl');
    undone = [];
    fails = false;
  });

  const current = () => TYPE.parse(store.get(SERVED_WIDGET, 'default', 'a'));
  const finalizer = () =>
    createFinalizer({
      client: createMemoryClient(store),
      type: TYPE,
      name: NAME,
      undo: async ({ metadata }) => {
        if (fails) throw new Error('the provider is away');
        undone.push(metadata.name);
      },
    });

  test('is set once on a living object', async () => {
    expect(await finalizer().settle(current())).toBe(true);
    expect(current().metadata.finalizers).toContain(NAME);
    const { resourceVersion } = current().metadata;
    await finalizer().settle(current());
    expect([current().metadata.resourceVersion, undone]).toEqual([resourceVersion, []]);
  });

  test('undoes before it lets a deleted object go, and keeps it while that fails', async () => {
    await finalizer().settle(current());
    store.delete(SERVED_WIDGET, 'default', 'a', undefined);
    fails = true;
    await expect(finalizer().settle(current())).rejects.toThrow('the provider is away');
    expect(current().metadata.finalizers).toContain(NAME);
    fails = false;
    expect(await finalizer().settle(current())).toBe(false);
    expect([store.list(SERVED_WIDGET), undone]).toEqual([[], ['a']]);
  });

  test('makes no object anew that has gone meanwhile', async () => {
    const old = current();
    store.delete(SERVED_WIDGET, 'default', 'a', undefined);
    await expect(finalizer().settle(old)).rejects.toMatchObject({ code: 'Conflict' });
    expect(store.list(SERVED_WIDGET)).toEqual([]);
  });
});
