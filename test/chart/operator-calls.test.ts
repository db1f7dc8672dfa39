import { describe, expect, test } from '@jest/globals';
import { rightsGrantedBy, rightsUsedBy } from './operator-calls.ts';

const kinds = { POD: 'pods', CHANNEL: 'channels.sluice.dev' };

describe('rightsUsedBy', () => {
  test.each([
    { source: 'await client.create(POD, pod)', expected: ['create pods'] },
    { source: 'await options.client\n  .get(\n    POD, name)', expected: ['get pods'] },
    { source: 'client.apply(POD, a); client.apply(POD, b)', expected: ['create pods', 'patch pods'] },
    { source: 'client.applyStatus(CHANNEL, status)', expected: ['patch channels.sluice.dev/status'] },
    { source: 'client.getScale(POD, name)', expected: ['get pods/scale'] },
    { source: 'client.applyScale(\n  CHANNEL, name, 2)', expected: ['patch channels.sluice.dev/scale'] },
    {
      source: 'createReflector({ client, type: CHANNEL, onTrouble })',
      expected: ['list channels.sluice.dev', 'watch channels.sluice.dev'],
    },
    { source: 'beginStatus({\n  type: CHANNEL,\n  object })', expected: ['patch channels.sluice.dev/status'] },
    { source: 'client.close(); client.list(type, selection)', expected: [] },
  ])('finds $expected in $source', ({ source, expected }) => {
    expect(rightsUsedBy(source, kinds)).toEqual(expected);
  });

  test('refuses a kind and a call that it does not know', () => {
    expect(() => rightsUsedBy('client.get(LEASE, name)', kinds)).toThrow('which resource is LEASE?');
    expect(() => rightsUsedBy('client.replace(POD, pod)', kinds)).toThrow('which rights does client.replace need?');
  });
});

test('rightsGrantedBy names groups and subresources as kubectl does', () => {
  const rules = [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'create'] },
    { apiGroups: ['sluice.dev'], resources: ['channels/status'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
  ];
  expect(rightsGrantedBy(rules)).toEqual(['create pods', 'list pods', 'patch channels.sluice.dev/status']);
});
