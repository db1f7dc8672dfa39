import { describe, expect, test } from '@jest/globals';
import { isKeyframe } from './keyframe.ts';
import { readNalUnits, withoutEmulationPrevention } from './nal.ts';
import { STREAM_TYPE } from './psi.ts';
import { picture } from './stream.testing.ts';

const delimiter = Uint8Array.from([0, 0, 0, 1, 9, 0x10]);

describe('isKeyframe', () => {
  test.each<[string, number, boolean, Uint8Array, boolean]>([
    ['an IDR slice behind other units', STREAM_TYPE.h264, false, Buffer.concat([delimiter, picture('idr')]), true],
    ['another slice', STREAM_TYPE.h264, false, Buffer.concat([delimiter, picture('slice')]), false],
    ['the indicator, as at a recovery point', STREAM_TYPE.h264, true, picture('slice'), true],
    ['the indicator in another codec', STREAM_TYPE.hevc, true, new Uint8Array(0), true],
    ['another codec without the indicator', STREAM_TYPE.hevc, false, picture('idr'), false],
    ['nothing', STREAM_TYPE.h264, false, new Uint8Array(0), false],
  ])('%s', (_, streamType, randomAccess, bytes, expected) => {
    expect(isKeyframe(streamType, randomAccess, bytes)).toBe(expected);
  });
});

describe('NAL units', () => {
  test('lie between start codes of three or four bytes', () => {
    const units = [...readNalUnits(Buffer.concat([picture('slice', 4), delimiter, picture('idr', 4)]))];
    expect(units.map((unit) => unit.type)).toEqual([1, 9, 5]);
  });

  test('lose their emulation prevention', () => {
    const unit = Uint8Array.from([0x67, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]);
    expect([...withoutEmulationPrevention(unit)]).toEqual([0x67, 0, 0, 1, 0, 0, 0, 0]);
  });
});
