import { describe, expect, test } from '@jest/globals';
import { gpuSchema, type StreamSession } from '@sluice/crds';
import { buildSession } from '../../channel/build/session.ts';
import { channelFixture } from '../../testing/fixtures.ts';
import { CHANNELS_CHOICE, type EncoderPolicy, encodersFor } from './encoders.ts';

const { spec } = buildSession(channelFixture(), 'film-1', []);
const LISTED: StreamSession['spec']['encoderPreference'] = ['h264_nvenc', 'libx264', 'h264_vaapi'];
const CPU = { spec: { ...spec, encoderPreference: LISTED } };
const GPU = { spec: { ...CPU.spec, gpu: gpuSchema.parse({}) } };
const ONLY_CPU_LISTED = { spec: { ...GPU.spec, encoderPreference: ['libx264' as const] } };

interface Case {
  readonly name: string;
  readonly session: Pick<StreamSession, 'spec'>;
  readonly hasGpu: boolean;
  readonly policy: Partial<EncoderPolicy>;
  readonly encoders: readonly string[];
}

describe('the encoders that a pod tries', () => {
  const CASES: readonly Case[] = [
    { name: "are the Channel's", session: CPU, hasGpu: false, policy: {}, encoders: LISTED },
    { name: "are the Channel's with a GPU, too", session: GPU, hasGpu: true, policy: {}, encoders: LISTED },
    { name: 'are those of the CPU in place of a GPU', session: GPU, hasGpu: false, policy: {}, encoders: ['libx264'] },
    {
      name: 'begin with those of the CPU where hardware is not preferred',
      session: CPU,
      hasGpu: false,
      policy: { preferHardware: false },
      encoders: ['libx264', 'h264_nvenc', 'h264_vaapi'],
    },
    {
      name: 'stay as they are where a GPU was asked for',
      session: GPU,
      hasGpu: true,
      policy: { preferHardware: false },
      encoders: LISTED,
    },
    {
      name: 'are those of the GPU alone where nothing may stand in for it',
      session: GPU,
      hasGpu: true,
      policy: { hardwareFallback: false },
      encoders: ['h264_nvenc', 'h264_vaapi'],
    },
    {
      name: 'are never none',
      session: ONLY_CPU_LISTED,
      hasGpu: true,
      policy: { hardwareFallback: false },
      encoders: ['libx264'],
    },
  ];

  test.each(CASES)('$name', ({ session, hasGpu, policy, encoders }) => {
    expect(encodersFor(session, hasGpu, { ...CHANNELS_CHOICE, ...policy })).toEqual(encoders);
  });
});
