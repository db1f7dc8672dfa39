import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client, KubernetesObject } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import type { JsonObject } from '../memory/fields.ts';
import type { ServedKind } from '../memory/object-store.ts';
import { invalid } from '../memory/validation.ts';
import { type FakeApiServer, startFakeApiServer } from '../testing/fake-api-server.ts';
import { createEventRecorder, type EventRecord, type EventRecorder } from './recorder.ts';

const SERVED_EVENT: ServedKind = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  admit(object) {
    if (object.eventTime !== undefined) return object;
    throw invalid(SERVED_EVENT, object, [{ path: 'eventTime', message: 'Required value' }]);
  },
};
const MINUTE = 60_000;

function object(uid = 'uid-1'): KubernetesObject {
  const metadata = { name: 'film', namespace: 'default', uid };
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata };
}

function started(note = 'It runs.'): EventRecord {
  return { type: 'Normal', reason: 'Started', action: 'Start', note };
}

describe('the event recorder', () => {
  let server: FakeApiServer;
  let client: Client;
  let recorder: EventRecorder;
  let now: number;
  let waits: number[];
  let troubles: string[];

  beforeEach(async () => {
    server = await startFakeApiServer({ kinds: [SERVED_EVENT] });
    client = createHttpClient({ connection: server.connection(), wait: async () => {} });
    now = Date.parse('2026-01-02T03:04:05.678Z');
    waits = [];
    troubles = [];
    recorder = createEventRecorder({
      client,
      controller: 'widget-controller',
      instance: 'pod-1',
      now: () => now,
      wait: async (milliseconds) => waits.push(milliseconds),
      onTrouble: (message) => troubles.push(message),
    });
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  const events = (): JsonObject[] => server.store.list(SERVED_EVENT);

  test('writes what events.k8s.io/v1 wants', async () => {
    recorder.record(object(), started());
    await recorder.flush();
    expect(events()).toEqual([
      expect.objectContaining({
        metadata: expect.objectContaining({
          namespace: 'default',
          name: expect.stringMatching(/^film\.[0-9a-f]{14,16}$/),
        }),
        eventTime: '2026-01-02T03:04:05.678000Z',
        type: 'Normal',
        reason: 'Started',
        action: 'Start',
        note: 'It runs.',
        reportingController: 'widget-controller',
        reportingInstance: 'pod-1',
        regarding: {
          apiVersion: 'example.com/v1',
          kind: 'Widget',
          name: 'film',
          namespace: 'default',
          uid: 'uid-1',
        },
      }),
    ]);
  });

  test('cuts a note at the limit of the API', async () => {
    recorder.record(object(), started('x'.repeat(5000)));
    await recorder.flush();
    expect(events()[0]?.note).toHaveLength(1024);
    recorder.record(object(), started('é'.repeat(2000)));
    await recorder.flush();
    expect(events()[1]?.note).toBe('é'.repeat(512));
  });

  test('tells the same once in two minutes, then as a series with the count of all', async () => {
    for (let times = 0; times < 5; times += 1) recorder.record(object(), started());
    await recorder.flush();
    expect(server.writes()).toHaveLength(1);
    now += 2 * MINUTE;
    recorder.record(object(), started());
    await recorder.flush();
    expect(events()).toHaveLength(1);
    expect(events()[0]?.series).toEqual({ count: 6, lastObservedTime: '2026-01-02T03:06:05.678000Z' });
  });

  test('tells other notes, reasons and objects of their own', async () => {
    recorder.record(object(), started());
    recorder.record(object(), started('It runs again.'));
    recorder.record(object('uid-2'), started());
    recorder.record(object(), { ...started(), type: 'Warning' });
    now += 1;
    await recorder.flush();
    expect(server.writes()).toHaveLength(4);
  });

  test('begins anew when the server may have forgotten the event', async () => {
    recorder.record(object(), started());
    now += 51 * MINUTE;
    recorder.record(object(), started());
    await recorder.flush();
    expect(events()).toHaveLength(2);
  });

  test('begins anew when somebody has deleted the event', async () => {
    recorder.record(object(), started());
    await recorder.flush();
    for (const { metadata } of events()) {
      server.store.delete(SERVED_EVENT, 'default', String((metadata as JsonObject).name), undefined);
    }
    now += 3 * MINUTE;
    recorder.record(object(), started());
    await recorder.flush();
    expect(events()).toHaveLength(1);
    expect(troubles).toEqual([]);
  });

  test('allows an object 25 events at once and one more each five minutes', async () => {
    for (let number = 0; number < 40; number += 1) recorder.record(object(), started(`note ${number}`));
    recorder.record(object('uid-2'), started());
    await recorder.flush();
    expect([server.writes().length, recorder.dropped]).toEqual([26, 15]);
    now += 5 * MINUTE;
    recorder.record(object(), started('one more'));
    recorder.record(object(), started('and another'));
    await recorder.flush();
    expect([server.writes().length, recorder.dropped]).toEqual([27, 16]);
  });

  test('keeps at most a thousand waiting', async () => {
    const stuck = createEventRecorder({
      client,
      controller: 'widget-controller',
      instance: 'pod-1',
      wait: () => new Promise(() => {}),
    });
    server.faults.plan({ kind: 'reset' }, {}, Infinity);
    for (let number = 0; number < 1100; number += 1) stuck.record(object(`uid-${number}`), started());
    expect(stuck.dropped).toBe(100);
  });

  test('tries again while the server is away, and as late as it asks', async () => {
    server.faults.plan({ kind: 'reset' }, {}, 1);
    server.faults.plan({ kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 30 }, {}, 1);
    recorder.record(object(), started());
    while (events().length === 0) await sleep(1);
    expect([waits, recorder.dropped, troubles]).toEqual([[1000, 30_000], 0, []]);
  });

  test('gives up after four attempts, or at once what is refused, and goes on with the next', async () => {
    server.faults.plan({ kind: 'status', status: 500 }, {}, 4);
    server.faults.plan({ kind: 'status', status: 403, reason: 'Forbidden' }, {}, 1);
    for (const note of ['first', 'second', 'third']) recorder.record(object(), started(note));
    while (events().length === 0) await sleep(1);
    expect(events()[0]?.note).toBe('third');
    expect([recorder.dropped, troubles]).toEqual([2, Array(2).fill('event Started could not be written')]);
  });

  test('cuts a wait short when it is flushed', async () => {
    server.faults.plan({ kind: 'reset' });
    let isWaiting = false;
    const patient = createEventRecorder({
      client,
      controller: 'widget-controller',
      instance: 'pod-1',
      wait: () => {
        isWaiting = true;
        return new Promise(() => {});
      },
    });
    patient.record(object(), started());
    while (!isWaiting) await sleep(1);
    await patient.flush();
    expect(events()).toHaveLength(1);
  });

  test('does not wait between attempts when it is flushed', async () => {
    server.faults.plan({ kind: 'status', status: 500 }, {}, Infinity);
    recorder.record(object(), started());
    await recorder.flush();
    expect([waits, recorder.dropped]).toEqual([[], 1]);
  });
});
