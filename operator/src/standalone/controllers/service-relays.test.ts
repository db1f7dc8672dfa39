import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Target } from '../network/relay.ts';
import { ServiceRelays } from './service-relays.ts';

const settle = () => new Promise(setImmediate);
const portTo = (port: number) => ({ address: '127.16.1.9', port: 8080, targets: () => [{ host: 'pod', port }] });

describe('the relays of Services', () => {
  /** Those that are open. An address that is open is taken, and one that is being closed still is. */
  const open = new Map<string, () => readonly Target[]>();
  let closing: PromiseWithResolvers<void>;
  let troubles: string[];
  let relays: ServiceRelays;

  beforeEach(() => {
    open.clear();
    closing = Promise.withResolvers();
    troubles = [];
    const listen = async (address: string, port: number, targets: () => readonly Target[]) => {
      const key = `${address}:${port}`;
      if (open.has(key)) throw new Error(`${key} is taken`);
      open.set(key, targets);
      return async () => {
        await closing.promise;
        open.delete(key);
      };
    };
    relays = new ServiceRelays(listen, (message) => troubles.push(message));
  });

  const ledTo = () => [...open.values()].flatMap((targets) => targets().map(({ port }) => port));

  test('wait for the address of a Service that was made anew', async () => {
    relays.follow([portTo(1)]);
    await settle();
    relays.follow([]);
    relays.follow([portTo(2)]);
    await settle();
    expect(ledTo()).toEqual([1]);
    closing.resolve();
    await settle();
    expect([ledTo(), troubles]).toEqual([[2], []]);
    await relays.close();
    expect(open.size).toBe(0);
  });

  test('lead on where a port leads that was given to other pods', async () => {
    relays.follow([portTo(1)]);
    relays.follow([portTo(2)]);
    await settle();
    expect(ledTo()).toEqual([2]);
  });

  test('tell an address that cannot be opened, and try it again', async () => {
    open.set('127.16.1.9:8080', () => []);
    relays.follow([portTo(1)]);
    await settle();
    expect(troubles).toEqual(['127.16.1.9:8080 is taken']);
    open.clear();
    relays.follow([portTo(1)]);
    await settle();
    expect([ledTo(), troubles.length]).toEqual([[1], 1]);
  });

  test('end all at once', async () => {
    relays.follow([portTo(1), { ...portTo(2), port: 8081 }]);
    closing.resolve();
    await relays.close();
    expect(open.size).toBe(0);
  });
});
