import { describe, expect, test } from '@jest/globals';
import { withoutBallast } from './trim.ts';

describe('withoutBallast', () => {
  test('drops managedFields and the last applied manifest, and nothing else', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', note: 'kept' };
    const raw = { kind: 'Widget', metadata: { name: 'film', managedFields: [{}], annotations }, spec: { size: 1 } };
    expect(withoutBallast(raw)).toEqual({
      kind: 'Widget',
      metadata: { name: 'film', annotations: { note: 'kept' } },
      spec: { size: 1 },
    });
    expect(raw.metadata.managedFields).toHaveLength(1);
  });

  test.each([[null], ['text'], [{ metadata: null }], [[]]])('leaves %j as it is', (raw) => {
    expect(withoutBallast(raw)).toEqual(raw);
  });
});
