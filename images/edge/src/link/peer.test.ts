import { describe, expect, test } from '@jest/globals';
import { audienceOf, routeOf } from '../testing/channels.ts';
import { readFrame } from './peer.ts';

const frame = (value: unknown) =>
  readFrame(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), false);

describe('readFrame', () => {
  test('reads a message, and ignores fields that it does not know', () => {
    expect(frame({ type: 'route', route: routeOf(), later: 1 })).toEqual({
      kind: 'message',
      message: { type: 'route', route: routeOf() },
    });
  });

  test('understands an operator of the version before, which says less', () => {
    const { uid, viewers, peak, state, mode, reason } = audienceOf();
    const audience = { uid, viewers, peak, state, mode, reason };
    expect(frame({ type: 'audience', audience })).toEqual({ kind: 'message', message: { type: 'audience', audience } });
  });

  test('lets a newer operator say what this edge does not know', () => {
    expect(frame({ type: 'recording', what: 1 })).toEqual({ kind: 'unknown' });
  });

  test.each([
    ['no JSON', '{"type":', /no JSON/],
    ['no object', '7', /undefined/],
    ['without a type', '{}', /undefined/],
    ['with a field missing', { type: 'remove' }, /remove: uid/],
    ['with a broken route', { type: 'route', route: { ...routeOf(), mode: 'direct' } }, /route: route\.mode/],
    [
      'with a name that leaves its folder',
      { type: 'route', route: { ...routeOf(), name: '../../x' } },
      /route: route\.name/,
    ],
    ['with a uid that leaves its folder', { type: 'route', route: { ...routeOf(), uid: '../x' } }, /route: route\.uid/],
  ])('says what is wrong with a frame that is %s', (_what, value, why) => {
    expect(frame(value)).toEqual({ kind: 'bad', why: expect.stringMatching(why) });
  });

  test('refuses binary frames', () => {
    expect(readFrame(Buffer.from('{}'), true)).toMatchObject({ kind: 'bad' });
  });
});
