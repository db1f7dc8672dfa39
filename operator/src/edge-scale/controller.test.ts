import { beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMetrics, type Metrics } from '@sluice/common/metrics/metrics.ts';
import { DEPLOYMENT, POD } from '../kinds.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import { createOperatorMetrics } from '../metrics.ts';
import { refusal } from '../runtime/client/api-error.ts';
import type { Client } from '../runtime/client/client.ts';
import type { Reconcile } from '../runtime/controller/controller.ts';
import type { EventRecord } from '../runtime/events/recorder.ts';
import { createMemoryClient } from '../runtime/memory/client.ts';
import { type JsonObject, metadataOf } from '../runtime/memory/fields.ts';
import { ObjectStore } from '../runtime/memory/object-store.ts';
import { createEdgeScaleReconcile } from './controller.ts';
import { DELETION_COST_ANNOTATION } from './deletion-cost.ts';
import { IDLE, SETTINGS } from './scale-input.testing.ts';
import type { PodLoad } from './usage.ts';

const DEPLOYMENTS = { ...DEPLOYMENT, hasStatus: true, hasScale: true };
const KEY = 'sluice/sluice-edge';
const WINDOW_MS = SETTINGS.scaleDownStabilizationSeconds * 1000;
const silentLog = createLogger({ name: 'operator', level: 'silent' });

describe("the controller of the edges' Deployment", () => {
  let store: ObjectStore;
  let reconcile: Reconcile;
  let edges: EdgeEndpoint[];
  let metrics: Metrics;
  let nowMs: number;
  let viewers: number;
  let events: string[];
  let calls: string[];
  let owner: string | null;
  let loads: Map<string, PodLoad>;

  beforeEach(() => {
    [nowMs, viewers, owner] = [0, 0, 'edge-0'];
    [events, calls, edges] = [[], [], []];
    loads = new Map();
    metrics = createMetrics();
    store = new ObjectStore({ kinds: [DEPLOYMENTS, POD], now: () => nowMs });
    reconcile = createEdgeScaleReconcile({
      client: withCalls(createMemoryClient(store)),
      settings: SETTINGS,
      edges: () => edges,
      loads: { of: (uid) => loads.get(uid) ?? null },
      book: { totalViewers: () => viewers },
      duties: (all) =>
        all.map(({ podName, podUid }) => ({
          ...{ podName, podUid, viewers: 3, ownedViewers: podName === owner ? 10 : 0 },
        })),
      events: {
        record: (_object, event: EventRecord) => void events.push(`${event.reason}: ${event.note}`),
        flush: async () => {},
        dropped: 0,
      },
      metrics: createOperatorMetrics(metrics, {
        links: () => ({ connected: 0, edges: 0, backlog: 0 }),
        book: { refused: () => ({ unknownChannel: 0, tooManyIds: 0 }), silentSeconds: () => 0, ageSeconds: () => 0 },
        sessions: () => [],
        waiting: () => [],
        admitted: () => new Map(),
      }),
      log: silentLog,
      now: () => nowMs,
    });
  });

  function withCalls(client: Client): Client {
    return {
      ...client,
      applyScale(type, name, replicas, manager) {
        calls.push(`scale ${replicas}`);
        return client.applyScale(type, name, replicas, manager);
      },
      apply(type, object, manager) {
        calls.push(`cost ${object.metadata.name}=${object.metadata.annotations?.[DELETION_COST_ANNOTATION]}`);
        return client.apply(type, object, manager);
      },
    };
  }

  function deploy(replicas: number): void {
    const metadata = { namespace: 'sluice', name: 'sluice-edge' };
    const spec = { replicas, template: { spec: { containers: [] } } };
    store.create(DEPLOYMENTS, { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }, 'helm');
    while (edges.length < replicas) addEdge();
  }

  function addEdge(): void {
    const metadata = { namespace: 'sluice', name: `edge-${edges.length}` };
    const made = store.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata }, 'kube-controller-manager');
    const podUid = String(metadataOf(made).uid);
    edges.push({
      ...{ podName: metadata.name, podUid, internalAddress: '', linkAddress: '', ready: true, terminating: false },
    });
    loads.set(podUid, IDLE);
  }

  const spec = () => store.get(DEPLOYMENTS, 'sluice', 'sluice-edge').spec as JsonObject;
  const look = () => reconcile(KEY, new AbortController().signal);

  /** Looks until the number changes, as long as the controller is told to look again. */
  async function waitForChange(): Promise<void> {
    const before = spec().replicas;
    for (let looks = 0; looks < 100 && spec().replicas === before; looks += 1) {
      nowMs += ((await look())?.requeueAfterSeconds ?? 0) * 1000;
    }
  }

  test('goes up at once, and changes nothing else of the Deployment', async () => {
    deploy(1);
    viewers = 250;
    await look();
    expect(calls).toEqual(['scale 3']);
    expect(spec()).toEqual({ replicas: 3, template: { spec: { containers: [] } } });
    expect(events).toEqual(['EdgesScaled: from 1 to 3 edge pods (LoadAboveTarget): 250 viewers, 100 for each pod']);
    const text = await metrics.text();
    expect(text).toContain('sluice_edge_scalings_total{direction="up"} 1');
    expect(text).toContain('sluice_edge_replicas{state="desired"} 3');
  });

  test('goes down by one after the wait, a moment after each pod was told what it is worth', async () => {
    deploy(3);
    await waitForChange();
    expect(calls).toEqual(['cost edge-0=1000010', 'cost edge-1=3', 'cost edge-2=3', 'scale 2']);
    expect(nowMs).toBeGreaterThan(WINDOW_MS);
    const pod = store.get(POD, 'sluice', 'edge-0');
    expect(metadataOf(pod).annotations).toEqual({ [DELETION_COST_ANNOTATION]: '1000010' });
    expect(events).toEqual([
      'EdgesScaled: from 3 to 2 edge pods (LoadBelowTarget): 0 viewers, 100 for each pod, for 60 s',
    ]);
  });

  test('tells many pods what they are worth, ten a second and each once, before one goes', async () => {
    deploy(25);
    nowMs = WINDOW_MS;
    await look();
    nowMs += WINDOW_MS;
    const costsBySecond: number[] = [];
    while (spec().replicas === 25) {
      calls = [];
      const waitSeconds = (await look())?.requeueAfterSeconds ?? 0;
      expect(waitSeconds).toBeGreaterThanOrEqual(1);
      nowMs += waitSeconds * 1000;
      costsBySecond.push(calls.filter((call) => call.startsWith('cost')).length);
    }
    expect(costsBySecond).toEqual([10, 10, 5, 0]);
    expect(calls).toEqual(['scale 10']);
  });

  test('tells the pods anew where another one has become the owner meanwhile', async () => {
    deploy(2);
    nowMs = WINDOW_MS;
    await look();
    nowMs += WINDOW_MS;
    await look();
    owner = 'edge-1';
    await look();
    nowMs += 1000;
    await look();
    expect(calls.slice(2)).toEqual(['cost edge-0=3', 'cost edge-1=1000010', 'scale 1']);
  });

  test('waits that moment also where it is woken meanwhile', async () => {
    deploy(2);
    await look();
    nowMs += WINDOW_MS;
    await look();
    nowMs += 400;
    expect((await look())?.requeueAfterSeconds).toBeCloseTo(0.6);
    expect(spec().replicas).toBe(2);
    nowMs += 600;
    await look();
    expect(spec().replicas).toBe(1);
  });

  test('does not go down by a load that it does not know', async () => {
    deploy(2);
    loads.delete(edges[1]?.podUid ?? '');
    await waitForChange();
    expect(calls).toEqual([]);
  });

  test('goes down past a pod that went by itself and cannot be told any more', async () => {
    deploy(2);
    store.delete(POD, 'sluice', 'edge-1', { graceSeconds: 0 });
    await waitForChange();
    expect([calls.at(-1), spec().replicas]).toEqual(['scale 1', 1]);
    expect(store.list(POD)).toHaveLength(1); // an apply must not make it again
  });

  test('says once that more is wanted than allowed', async () => {
    deploy(10);
    viewers = 5000;
    await look();
    viewers = 6000;
    await look();
    expect(events).toEqual(['EdgesAtMaximum: 5000 viewers, 100 for each pod: 50 pods are wanted, 10 are allowed']);
  });

  test('looks again, not at once, where the Deployment is missing or cannot be written', async () => {
    expect(await look()).toEqual({ requeueAfterSeconds: 30 });
    deploy(1);
    viewers = 250;
    const { apply } = store;
    store.apply = () => {
      throw new Error('deployments.apps "sluice-edge" is forbidden');
    };
    expect(await look()).toEqual({ requeueAfterSeconds: 30 });
    expect(events).toEqual(['EdgeScaleFailed: deployments.apps "sluice-edge" is forbidden']);
    store.apply = () => {
      throw refusal(503, 'ServiceUnavailable', 'the server is currently unable to handle the request');
    };
    expect(await look()).toEqual({ requeueAfterSeconds: 5 });
    expect(events).toHaveLength(1);
    store.apply = apply;
    await look();
    expect(spec().replicas).toBe(3);
  });
});
