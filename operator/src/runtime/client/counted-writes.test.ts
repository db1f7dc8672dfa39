import { expect, test } from '@jest/globals';
import { createMemoryClient } from '../memory/client.ts';
import { ObjectStore } from '../memory/object-store.ts';
import { SERVED_WIDGET, WIDGET, widget, widgetStatus } from '../testing/widget.ts';
import { withCountedWrites } from './counted-writes.ts';

test('every call that writes is told, also one that fails, and no other', async () => {
  let writes = 0;
  const client = withCountedWrites(
    createMemoryClient(new ObjectStore({ kinds: [{ ...SERVED_WIDGET, hasScale: true }], now: () => 0 })),
    () => {
      writes += 1;
    },
  );
  const name = { namespace: 'default', name: 'film' };
  await client.create(WIDGET, widget('film', { size: 1 }));
  await expect(client.create(WIDGET, widget('film', { size: 1 }))).rejects.toMatchObject({ code: 'AlreadyExists' });
  await client.apply(WIDGET, widget('film', { size: 2 }), 'one');
  await client.applyStatus(WIDGET, widgetStatus('film', { ready: true }), 'one');
  expect((await client.get(WIDGET, name))?.spec).toEqual({ size: 2 });
  expect((await client.list(WIDGET, {}, { limit: 10, continueToken: '' })).items).toHaveLength(1);
  await client.applyScale(WIDGET, name, 2, 'two');
  expect((await client.getScale(WIDGET, name))?.replicas).toBe(2);
  expect(await client.delete(WIDGET, name)).toBe(true);
  expect(writes).toBe(6);
});
