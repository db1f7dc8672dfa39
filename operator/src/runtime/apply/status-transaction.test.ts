import { beforeEach, describe, expect, test } from '@jest/globals';
import { createWrittenVersions } from '../cache/written-versions.ts';
import type { WrittenObject } from '../client/client.ts';
import { createMemoryClient } from '../memory/client.ts';
import { ObjectStore } from '../memory/object-store.ts';
import { SERVED_WIDGET, WIDGET, widget } from '../testing/widget.ts';
import type { WithStatus } from './apply.ts';
import { beginStatus } from './status-transaction.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const READY = { type: 'Ready', status: 'True', reason: 'Works', message: 'it works' } as const;

describe('a status transaction', () => {
  let store: ObjectStore;
  let writes: number;

  beforeEach(() => {
    store = new ObjectStore({ kinds: [SERVED_WIDGET], now: () => NOW });
    store.create(SERVED_WIDGET, widget('a', { size: 1 }) as never, 'kubectl');
    writes = 0;
  });

  const current = () => store.get(SERVED_WIDGET, 'default', 'a') as unknown as WithStatus;

  function begin(nowMilliseconds = NOW, object = current()) {
    const client = createMemoryClient(store);
    const transaction = beginStatus({ type: WIDGET, object, fieldManager: 'widget-controller', nowMilliseconds });
    const commit = () =>
      transaction.commit({
        applyStatus: (...args) => {
          writes += 1;
          return client.applyStatus(...args);
        },
      });
    return { ...transaction, commit };
  }

  test('writes everything that was set at once, and nothing before', async () => {
    const status = begin();
    status.set({ ready: false, size: 1 });
    status.set({ ready: true });
    status.condition({ ...READY, status: 'Unknown' });
    status.condition(READY);
    expect(current().status).toBeUndefined();
    expect(await status.commit()).toBe('applied');
    expect(current().status).toEqual({
      observedGeneration: 1,
      ready: true,
      size: 1,
      conditions: [{ ...READY, observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00.000Z' }],
    });
    expect(writes).toBe(1);
  });

  test('writes nothing where nothing differs, however much later it is', async () => {
    for (const nowMilliseconds of [NOW, NOW + 3_600_000]) {
      const status = begin(nowMilliseconds);
      status.set({ ready: true });
      status.condition(READY);
      await status.commit();
    }
    expect(writes).toBe(1);
  });

  test('removes what is no longer set, and keeps the time of a condition whose status stays', async () => {
    const first = begin();
    first.set({ ready: true, size: 1 });
    first.condition(READY);
    await first.commit();
    const second = begin(NOW + 60_000);
    second.set({ ready: true });
    second.condition({ ...READY, message: 'it works well' });
    await second.commit();
    expect(current().status).toEqual({
      observedGeneration: 1,
      ready: true,
      conditions: [
        { ...READY, message: 'it works well', observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00.000Z' },
      ],
    });
  });

  test('that begins behind its own last write takes the way back for no change, unless it waits for the cache', async () => {
    const cache = { name: 'widgets', resourceVersion: '' };
    const written = createWrittenVersions();
    const commit = async (object: WithStatus, ready: boolean) => {
      const onWritten = (made: WrittenObject) => written.wrote('a', cache, made);
      const status = beginStatus({ type: WIDGET, object, fieldManager: 'test', nowMilliseconds: NOW, onWritten });
      status.set({ ready });
      return status.commit(createMemoryClient(store));
    };
    await commit(current(), true);
    const stale = current();
    cache.resourceVersion = String(stale.metadata.resourceVersion);
    expect(written.behind('a')).toBeNull();
    await commit(stale, false);
    expect(await commit(stale, true)).toBe('unchanged');
    expect(current().status).toMatchObject({ ready: false });
    expect(written.behind('a')).toBe('widgets');
    cache.resourceVersion = String(current().metadata.resourceVersion);
    expect(written.behind('a')).toBeNull();
    expect(await commit(current(), true)).toBe('applied');
    expect(current().status).toMatchObject({ ready: true });
  });

  test('never writes to a successor of the same name', async () => {
    const old = current();
    store.delete(SERVED_WIDGET, 'default', 'a', undefined);
    store.create(SERVED_WIDGET, widget('a', { size: 2 }) as never, 'kubectl');
    const status = begin(NOW, old);
    status.set({ ready: true });
    await expect(status.commit()).rejects.toMatchObject({ code: 'Conflict' });
    expect(current().status).toBeUndefined();
  });
});
