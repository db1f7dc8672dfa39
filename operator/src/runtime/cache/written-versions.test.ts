import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.ts';
import { createWrittenVersions } from './written-versions.ts';

function scene() {
  const clock = new ManualClock();
  const pods = { name: 'pods', resourceVersion: '99' };
  const sets = { name: 'sets', resourceVersion: '' };
  const object = (resourceVersion: string) => ({ metadata: { name: 'a', resourceVersion } });
  return { clock, pods, sets, object, written: createWrittenVersions(clock) };
}

describe('written versions', () => {
  test('hold work on a key back until every cache has come as far as it has written', () => {
    const { written, pods, sets, object } = scene();
    written.wrote('a', pods, object('101'));
    written.wrote('a', sets, object('5'));
    expect([written.behind('a'), written.behind('b')]).toEqual(['pods', null]);
    pods.resourceVersion = '100';
    expect(written.behind('a')).toBe('pods');
    pods.resourceVersion = '101';
    expect(written.behind('a')).toBe('sets');
    sets.resourceVersion = '7';
    expect(written.behind('a')).toBeNull();
  });

  test('of two writes wait for the later one', () => {
    const { written, pods, object } = scene();
    written.wrote('a', pods, object('101'));
    written.wrote('a', pods, object('1002'));
    pods.resourceVersion = '1001';
    expect(written.behind('a')).toBe('pods');
  });

  test('wait for nothing that is there already or cannot be compared', () => {
    const { written, pods, object } = scene();
    written.wrote('a', pods, object('99'));
    written.wrote('a', pods, object('opaque'));
    expect(written.behind('a')).toBeNull();
  });

  test('lose patience after 30 s, so that no key waits for ever', () => {
    const { written, pods, object, clock } = scene();
    written.wrote('a', pods, object('101'));
    clock.advance(29_999);
    expect(written.behind('a')).toBe('pods');
    clock.advance(1);
    expect(written.behind('a')).toBeNull();
  });
});
