import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { JsonObject } from './runtime/memory/fields.ts';
import { Harness, SERVED } from './testing/harness.ts';

describe('the owner of a channel', () => {
  let harness: Harness;
  let uid: string;

  /** Another edge of the Service, which nobody can reach. */
  function addOther(): void {
    const slice = SERVED.slices;
    const [known] = harness.api.store.list(slice).map((object) => structuredClone(object));
    if (known === undefined) throw new Error('there is no slice of the first edge');
    const { namespace, labels } = known.metadata as JsonObject;
    harness.api.store.create(
      slice,
      {
        ...known,
        metadata: { name: 'edge-other', namespace: namespace ?? '', labels: labels ?? {} },
        ports: [
          { name: 'internal', port: 8081 },
          { name: 'link', port: 1 },
        ],
        endpoints: [
          {
            addresses: ['127.0.0.1'],
            conditions: { ready: true },
            targetRef: { kind: 'Pod', name: 'edge-other', uid: 'other-uid' },
          },
        ],
      },
      'kube-controller-manager',
    );
  }

  const ownerUids = (): readonly string[] => (harness.route(uid)?.owners ?? []).map(({ podUid }) => podUid);

  beforeEach(async () => {
    harness = await Harness.create();
    addOther();
    uid = harness.addChannel();
    await harness.start();
    await harness.until('a route', () => ownerUids().length === 2);
  });

  afterEach(async () => {
    await harness.close();
  });

  test('is the successor that has taken over, confirmed above its term', async () => {
    const term = harness.route(uid)?.ownerTerm ?? 0;
    harness.report(uid, { ownerTerm: term + 1 });
    await harness.until('a higher term', () => (harness.route(uid)?.ownerTerm ?? 0) > term + 1);
    expect(ownerUids()).toEqual(['edge-uid', 'other-uid']);
  });

  test('is no edge that leaves, nor does it follow one', async () => {
    harness.say({ type: 'leaving' });
    await harness.until('another owner', () => !ownerUids().includes('edge-uid'));
    expect(ownerUids()).toEqual(['other-uid']);
  });
});
