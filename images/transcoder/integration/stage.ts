import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '@sluice/common/work/contract.ts';
import { TestOwner } from './owner.ts';
import { AgentProgram } from './program.ts';
import { SEGMENT_SECONDS, type Source } from './source.ts';

/** A film that FFmpeg can read in a loop. */
export const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
/** Length of the source in segments. */
export const SEGMENTS = 15;
/** Segments that the owner has when the agent starts. */
export const BACKLOG = 3;
/** One frame of video at 25 frames per second, and one of AAC at 48 kHz, in ticks of 90 kHz. */
export const VIDEO_TICKS = 3600;
/** See above. */
export const AUDIO_TICKS = 1920;

const rung = (name: string, height: number, bitrateBps: number): Job['rungs'][number] => ({
  name,
  height,
  bitrateBps,
  audioBitrateBps: 128_000,
});
/** Two rungs on a machine without a GPU: the encoder that is tried first does not work. */
export const JOB: Job = {
  rungs: [rung('high', 1080, 800_000), rung('low', 240, 300_000)],
  encoders: ['h264_nvenc', 'libx264'],
  preset: 'veryfast',
};

/** Starts owner and agent, and shows the agent's log where something fails. */
export async function withAgent(
  run: (owner: TestOwner, agent: AgentProgram) => Promise<string>,
  job = JOB,
): Promise<string> {
  const owner = new TestOwner();
  await owner.open();
  const agent = await AgentProgram.start(owner, job);
  try {
    return await run(owner, agent);
  } catch (error) {
    process.stdout.write(agent.log);
    throw error;
  } finally {
    agent.signal('SIGKILL');
    await agent.exited;
    await owner.close();
  }
}

/** Waits for a condition; fails where it does not come true in time. */
export async function until(what: string, seconds: number, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, `not within ${seconds} s: ${what}`);
    await sleep(20);
  }
}

/** Lets the owner have a segment of the source. */
export function offer(owner: TestOwner, source: Source, msn: number, discontinuity = false): void {
  const bytes = source.segments[msn];
  assert.ok(bytes, `the source has no segment ${msn}`);
  owner.offer({ msn, bytes, discontinuity });
}

/** Offers the segments from `from` to before `to`, one per segment duration. */
export async function offerLive(owner: TestOwner, source: Source, from: number, to: number): Promise<void> {
  for (let msn = from; msn < to; msn++) {
    await sleep(SEGMENT_SECONDS * 1000);
    offer(owner, source, msn);
  }
}

/** What was stored under `epoch/rung/msn`; fails where nothing was. */
export function bytesOf(owner: TestOwner, name: string): Uint8Array {
  const stored = owner.stored.get(name);
  assert.ok(stored, `${name} was not stored`);
  return stored.bytes;
}

/** Every rung has the segments from `from` to before `to`. */
export function assertStored(owner: TestOwner, epoch: number, from: number, to: number): void {
  for (const { name } of JOB.rungs) {
    for (let msn = from; msn < to; msn++) {
      assert.ok(owner.stored.has(`${epoch}/${name}/${msn}`), `${epoch}/${name}/${msn} was not stored`);
    }
  }
}

/** Each frame is `ticks` behind the one before. */
export function assertRegular(timestamps: readonly number[], ticks: number, what: string): void {
  timestamps.slice(1).forEach((pts, index) => {
    assert.equal(pts - (timestamps[index] ?? 0), ticks, `${what}: step at frame ${index + 1}`);
  });
}
