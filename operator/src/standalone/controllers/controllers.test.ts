import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { edgesOf, endpointSliceSchema } from '../../link/endpoints.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { createStandaloneStore } from '../api/kinds.ts';
import { FolderInput } from '../input/folder-input.ts';
import type { Target } from '../network/relay.ts';
import { runControllers } from './controllers.ts';

const NAMESPACE = 'sluice';
const EDGES_FILE = join(import.meta.dirname, '../edges.yaml');

describe('the controllers', () => {
  let store: ObjectStore;
  let now: number;
  let troubles: string[];
  let stop: () => Promise<void>;
  let opened: Map<string, () => readonly Target[]>;

  beforeEach(async () => {
    now = Date.now();
    troubles = [];
    store = createStandaloneStore(() => now);
    opened = new Map();
    stop = runControllers({
      store,
      network: { serviceAddress: (_, name) => `service ${name}` },
      openRelay: async (address, port, targets) => {
        opened.set(`${address}:${port}`, targets);
        return async () => void opened.delete(`${address}:${port}`);
      },
      now: () => now,
      onTrouble: (text) => troubles.push(text),
    });
    await new FolderInput([EDGES_FILE], store, (line, isFault) => isFault && troubles.push(line)).read();
  });

  afterEach(async () => {
    await stop();
    expect([troubles, opened.size]).toEqual([[], 0]);
  });

  const kind = (plural: string) => {
    const found = store.kinds.find((each) => each.plural === plural);
    if (found === undefined) throw new Error(`no ${plural}`);
    return found;
  };
  const apply = (object: JsonObject) => {
    const plural = store.kinds.find((each) => each.kind === object.kind)?.plural ?? '';
    return store.apply(kind(plural), 'object', object, 'test');
  };
  /** A few rounds: each pass writes, and what it writes asks for the next one. */
  const settle = async () => {
    for (let round = 0; round < 5; round += 1) await new Promise(setImmediate);
  };
  const pods = () =>
    store.list(kind('pods')).map(({ metadata, status }) => ({
      ...(metadata as { name: string; uid: string; labels: Record<string, string>; deletionTimestamp?: string }),
      phase: (status as { phase: string } | undefined)?.phase,
    }));
  const running = (name: string, podIP: string, isReady = true) => {
    const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: NAMESPACE } };
    const status = { phase: 'Running', podIP, conditions };
    store.apply(kind('pods'), 'status', { ...pod, status }, 'kubelet');
  };
  const gone = (name: string) => store.delete(kind('pods'), NAMESPACE, name, { graceSeconds: 0 });
  const change = (over: (spec: JsonObject) => void) =>
    store.update(kind('deployments'), NAMESPACE, 'sluice-edge', (object) => over(object.spec as JsonObject));

  /** Both edges run. @returns their names */
  async function bothReady(): Promise<readonly string[]> {
    await settle();
    const names = pods().map(({ name }) => name);
    for (const [at, name] of names.entries()) running(name, `127.16.1.${at + 4}`);
    await settle();
    return names;
  }

  test('make the pods of a Deployment once, named after it', async () => {
    const names = await bothReady();
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(/^sluice-edge-[0-9a-f]{5}$/);
  });

  test('tell the operator its edges: ready, not ready, going', async () => {
    const edges = () =>
      edgesOf(
        store
          .list(kind('endpointslices'))
          .map((raw) => endpointSliceSchema.parse(raw))
          .filter(({ metadata }) => metadata.name === 'sluice-edge-internal'),
      );
    const [first = '', second = ''] = await bothReady();
    expect(edges().map(({ ready, linkAddress }) => `${ready} ${linkAddress}`)).toEqual([
      'true 127.16.1.4:8443',
      'true 127.16.1.5:8443',
    ]);
    running(first, '127.16.1.4', false);
    store.delete(kind('pods'), NAMESPACE, second);
    await settle();
    const known = edges().filter(({ podName }) => podName === first || podName === second);
    expect(known).toMatchObject([
      { ready: false, terminating: false },
      { ready: false, terminating: true },
    ]);
  });

  test('replace a pod that goes, and one that has failed', async () => {
    const [first = '', second = ''] = await bothReady();
    store.delete(kind('pods'), NAMESPACE, first);
    await settle();
    expect(pods().filter(({ deletionTimestamp }) => deletionTimestamp === undefined)).toHaveLength(2);
    gone(first);
    const failed = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: second, namespace: NAMESPACE },
      status: { phase: 'Failed' },
    };
    store.apply(kind('pods'), 'status', failed, 'kubelet');
    await settle();
    const names = pods().map(({ name }) => name);
    expect(names).toHaveLength(2);
    expect(names).not.toContain(first);
    expect(names).not.toContain(second);
  });

  test('scale down by the pod that is not ready, then the rest', async () => {
    const [first = '', second = ''] = await bothReady();
    running(first, '127.16.1.4', false);
    change((spec) => {
      spec.replicas = 1;
    });
    await settle();
    expect(pods().find(({ deletionTimestamp }) => deletionTimestamp === undefined)?.name).toBe(second);
    change((spec) => {
      spec.replicas = 0;
    });
    await settle();
    expect(pods().every(({ deletionTimestamp }) => deletionTimestamp !== undefined)).toBe(true);
  });

  test('replace the pods of an old template, an old one for each new one that is ready', async () => {
    const old = await bothReady();
    change((spec) => {
      ((spec.template as JsonObject).metadata as JsonObject).annotations = { version: '2' };
    });
    await settle();
    const living = (isOld: boolean) =>
      pods().filter(({ name, deletionTimestamp }) => deletionTimestamp === undefined && old.includes(name) === isOld);
    expect([living(true).length, living(false).length]).toEqual([2, 2]);
    for (const [at, { name }] of living(false).entries()) {
      running(name, `127.16.1.${at + 6}`);
      await settle();
      expect([living(true).length, living(false).length]).toEqual([1 - at, 2]);
    }
  });

  test('with strategy Recreate make the new pods when the last old one is gone', async () => {
    change((spec) => {
      spec.strategy = { type: 'Recreate' };
    });
    const old = await bothReady();
    change((spec) => {
      ((spec.template as JsonObject).metadata as JsonObject).annotations = { version: '2' };
    });
    await settle();
    expect(
      pods()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...old].sort());
    for (const name of old) gone(name);
    await settle();
    expect(pods()).toHaveLength(2);
  });

  test('end what belonged to an owner or a namespace that is gone', async () => {
    await bothReady();
    store.delete(kind('deployments'), NAMESPACE, 'sluice-edge');
    await settle();
    expect(pods().every(({ deletionTimestamp }) => deletionTimestamp !== undefined)).toBe(true);
    apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    store.delete(kind('namespaces'), '', NAMESPACE);
    await settle();
    expect([store.list(kind('services')), store.list(kind('endpointslices'))]).toEqual([[], []]);
  });

  test('give the ports of Services an address with their ready pods behind it', async () => {
    const [first = ''] = await bothReady();
    const targets = (address: string) =>
      opened
        .get(address)?.()
        .map(({ host, port }) => `${host}:${port}`);
    expect([...opened.keys()].sort()).toEqual([
      'service sluice-edge-internal:8081',
      'service sluice-edge-internal:8443',
      'service sluice-edge:8080',
    ]);
    expect(targets('service sluice-edge:8080')).toEqual(['127.16.1.4:8080', '127.16.1.5:8080']);
    expect(targets('service sluice-edge-internal:8443')).toEqual(['127.16.1.4:8443', '127.16.1.5:8443']);
    running(first, '127.16.1.4', false);
    await settle();
    expect(targets('service sluice-edge:8080')).toEqual(['127.16.1.5:8080']);
    store.delete(kind('services'), NAMESPACE, 'sluice-edge');
    await settle();
    expect(opened.has('service sluice-edge:8080')).toBe(false);
  });

  test('forget events after an hour', async () => {
    const eventTime = new Date(now).toISOString();
    const event = { apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'e', namespace: 'a' }, eventTime };
    apply(event);
    const passes = async (milliseconds: number) => {
      now += milliseconds;
      apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `at-${now}`, namespace: 'a' } });
      await settle();
      return store.list(kind('events')).length;
    };
    expect([await passes(3_599_000), await passes(2000)]).toEqual([1, 0]);
  });
});
