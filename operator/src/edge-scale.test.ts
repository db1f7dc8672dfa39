import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { JsonObject } from './runtime/memory/fields.ts';
import { Harness, SERVED, SYSTEM_NAMESPACE } from './testing/harness.ts';

const EDGE_SCALE = {
  deployment: 'sluice-edge',
  minReplicas: 1,
  maxReplicas: 4,
  targets: { viewers: 2 },
  tolerance: 0.1,
  scaleDownStabilizationSeconds: 5,
};
/** Looks at the edges are 5 s apart. */
const SPEED = 50;

describe('an operator that keeps the number of edge pods', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.create({ speed: SPEED, edgeScale: EDGE_SCALE });
  });

  afterEach(async () => {
    await harness.close();
  });

  function deploy(replicas: number): void {
    const metadata = { namespace: SYSTEM_NAMESPACE, name: EDGE_SCALE.deployment };
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas, paused: false } };
    harness.api.store.create(SERVED.deployments, deployment, 'helm');
  }

  const spec = (): JsonObject =>
    harness.api.store.get(SERVED.deployments, SYSTEM_NAMESPACE, EDGE_SCALE.deployment).spec as JsonObject;

  /** As the edge does every few seconds. */
  function isAt(replicas: number): boolean {
    harness.say({ type: 'load', egressBitsPerSecond: 0, requestsPerSecond: 0 });
    return spec().replicas === replicas;
  }

  test('follows the viewers up, and down once every edge has told its load and knows what it is worth', async () => {
    deploy(1);
    const uid = harness.addChannel();
    await harness.start();
    await harness.until('a link', () => harness.edge.connected);
    harness.say({ type: 'synced' });
    harness.join(uid, 1, 5);
    await harness.until('three edge pods', () => spec().replicas === 3);
    expect(spec()).toEqual({ replicas: 3, paused: false });
    await harness.until('an event', () => harness.eventReasons().includes('EdgesScaled'));

    // Somebody asks for two; there is one, and it owns the channel of the last viewer.
    harness.api.store.update(SERVED.deployments, SYSTEM_NAMESPACE, EDGE_SCALE.deployment, (deployment) => {
      deployment.spec = { replicas: 2, paused: false };
    });
    harness.leave(uid, 2, 5);
    await harness.until('one edge pod', () => isAt(1));
    const { podName } = harness.edge.endpoint();
    const told = harness.api.requests.filter(({ method, plural }) => method === 'PATCH' && plural === 'pods');
    expect(told.map(({ name }) => name)).toEqual([podName]);
    // It is no pod of this API server: an apply must not make it one.
    expect(harness.names(SERVED.pods)).toEqual([]);
  });

  test('has no say while it does not lead', async () => {
    deploy(3);
    const standby = await harness.standby();
    await harness.quiet();
    expect(harness.api.requests.filter(({ subresource }) => subresource === 'scale')).toEqual([]);
    await standby.stop();
  });
});
