import { describe, expect, test } from '@jest/globals';
import { SECRET } from '../../kinds.ts';
import { createStandaloneStore } from './kinds.ts';

describe('what a writer sends in words of its own', () => {
  test('stringData of a Secret hides no later write to its data', () => {
    const store = createStandaloneStore(() => 0);
    const metadata = { name: 'keys', namespace: 'demo' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata };
    store.apply(SECRET, 'object', { ...secret, stringData: { token: 'old' } }, 'file');
    const data = () => store.get(SECRET, 'demo', 'keys').data;
    expect(data()).toEqual({ token: btoa('old') });
    store.update(SECRET, 'demo', 'keys', (object) => ({ ...object, data: { token: btoa('new') } }));
    expect(data()).toEqual({ token: btoa('new') });
    store.apply(SECRET, 'object', { ...secret, data: { token: btoa('newest') } }, 'another');
    expect(data()).toEqual({ token: btoa('newest') });
  });
});
