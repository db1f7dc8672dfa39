import { describe, expect, test } from '@jest/globals';
import type { KubernetesObject } from '../client/client.ts';
import { onlyStatusChanged } from './status-changes.ts';

const BEFORE = {
  metadata: { name: 'film', uid: 'u1', resourceVersion: '7', generation: 2, labels: { tier: 'a' } },
  status: { count: 1 },
};

function after(metadata: object): KubernetesObject {
  return { metadata: { ...BEFORE.metadata, resourceVersion: '8', ...metadata } };
}

describe('a change of an object', () => {
  const cases: readonly [string, object, boolean][] = [
    ['is one of its status where all else is the same', {}, true],
    ['is more where the spec moved its generation', { generation: 3 }, false],
    ['is more where a label changed', { labels: { tier: 'b' } }, false],
    ['is more where an annotation came', { annotations: { owner: 'a' } }, false],
    ['is more where its deletion began', { deletionTimestamp: '2026-11-21T12:00:00Z' }, false],
    ['is more where it is another object of the same name', { uid: 'u2' }, false],
    ['is more where an owner was taken from it', { ownerReferences: [] }, false],
    ['cannot be told where the kind has no generation', { generation: undefined }, false],
  ];
  test.each(cases)('%s', (_name, metadata, expected) => {
    expect(onlyStatusChanged(BEFORE, after(metadata))).toBe(expected);
  });
});
