import { describe, expect, test } from '@jest/globals';
import { readAdts } from './adts.ts';
import { adtsFrame } from './stream.testing.ts';

describe('readAdts', () => {
  test('reads codec, rate and channels', () => {
    expect(readAdts(adtsFrame())).toEqual({ codec: 'mp4a.40.2', sampleRateHz: 48_000, channels: 2 });
  });

  test.each([
    ['HE-AAC signalled as AAC main', [0xff, 0xf1, 0x18, 0x40, 0, 0x1f, 0xfc], 'mp4a.40.1', 24_000, 1],
    ['7.1 is configuration 7', [0xff, 0xf9, 0x4d, 0xc0, 0, 0x1f, 0xfc], 'mp4a.40.2', 48_000, 8],
    ['5.1 at 44.1 kHz', [0xff, 0xf1, 0x51, 0x80, 0, 0x1f, 0xfc], 'mp4a.40.2', 44_100, 6],
  ])('%s', (_, bytes, codec, sampleRateHz, channels) => {
    expect(readAdts(Uint8Array.from(bytes))).toEqual({ codec, sampleRateHz, channels });
  });

  test.each([
    ['too short', [0xff, 0xf1, 0x4c]],
    ['another layer', [0xff, 0xf7, 0x4c, 0x80, 0, 0x1f, 0xfc]],
    ['no sync word', [0xfe, 0xf1, 0x4c, 0x80, 0, 0x1f, 0xfc]],
    ['a reserved rate', [0xff, 0xf1, 0x7c, 0x80, 0, 0x1f, 0xfc]],
  ])('is null where there is no header: %s', (_, bytes) => {
    expect(readAdts(Uint8Array.from(bytes))).toBeNull();
  });
});
