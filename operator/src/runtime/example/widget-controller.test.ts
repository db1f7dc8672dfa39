import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { EVENT_TYPE } from '../events/event-object.ts';
import { LEASE } from '../lease/lease.ts';
import { createMemoryClient } from '../memory/client.ts';
import type { JsonObject } from '../memory/fields.ts';
import { ObjectStore, type ServedKind } from '../memory/object-store.ts';
import { SERVED_WIDGET, widget } from '../testing/widget.ts';
import { CONFIG_MAP, createWidgetController } from './widget-controller.ts';

describe('the example of the README', () => {
  let store: ObjectStore;
  let running: ReturnType<typeof createWidgetController>[];

  beforeEach(() => {
    store = new ObjectStore({ kinds: [SERVED_WIDGET, CONFIG_MAP, LEASE, EVENT_TYPE], now: Date.now });
    running = [];
  });

  afterEach(async () => {
    await Promise.all(running.map((each) => each.stop()));
  });

  async function run(identity: string) {
    const program = createWidgetController({
      client: createMemoryClient(store),
      leaseClient: createMemoryClient(store),
      lease: { namespace: 'default', name: 'widgets' },
      identity,
      registry: new Registry(),
      now: Date.now,
      onLost: () => {},
    });
    running.push(program);
    await program.start();
    return program;
  }

  const find = (kind: ServedKind, name: string) =>
    store.list(kind).find(({ metadata }) => (metadata as JsonObject).name === name);
  const size = (name: string) => (find(CONFIG_MAP, name)?.data as JsonObject | undefined)?.size;
  const isReady = (name: string) => (find(SERVED_WIDGET, name)?.status as JsonObject | undefined)?.ready === true;
  const put = (name: string, to: number) =>
    store.apply(SERVED_WIDGET, 'object', widget(name, { size: to }) as unknown as JsonObject, 'kubectl');

  test('keeps a ConfigMap for each Widget, tells of it, and follows changes', async () => {
    put('a', 1);
    await run('one');
    await until(() => size('a') === '1');
    put('a', 2);
    await until(() => size('a') === '2');
    await until(() => isReady('a'));
    await until(() => store.list(EVENT_TYPE).length === 2);
    expect(store.list(EVENT_TYPE).map(({ reason, note }) => `${reason} ${note}`)).toEqual([
      'Sized size 1',
      'Sized size 2',
    ]);
  });

  test('hands over to a standby, which writes nothing but its lease', async () => {
    put('a', 1);
    const first = await run('one');
    await until(() => isReady('a'));
    await run('two');
    await first.stop();
    const written: string[] = [];
    store.onEvent(({ kind }) => written.push(kind.plural));
    await until(() => holder() === 'two');
    put('b', 3);
    await until(() => size('b') === '3');
    expect(written.filter((plural) => plural === 'configmaps')).toHaveLength(1);
  });

  test('ends in order: what is under way, then the events of it, then the lease', async () => {
    const first = await run('one');
    await until(() => holder() === 'one');
    const order: string[] = [];
    store.onEvent(({ kind }) => order.push(kind.plural));
    put('a', 1);
    await until(() => order.includes('configmaps'));
    await first.stop();
    expect(holder()).toBe('');
    expect(order.indexOf('events')).toBeGreaterThan(order.indexOf('configmaps'));
    expect(order.at(-1)).toBe('leases');
  });

  function holder(): unknown {
    return (find(LEASE, 'widgets')?.spec as JsonObject | undefined)?.holderIdentity;
  }
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
