/** The agent as its pod runs it, with a real FFmpeg; `--help` lists the scenarios. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { withJoint } from '@sluice/common/mpegts/joint.ts';
import { TIMESTAMP_MODULUS } from '@sluice/common/mpegts/timestamp.ts';
import { runSuite, type Scenario } from '@sluice/test/setup/scenarios.ts';
import { ending } from './integration/ending.ts';
import { muxed, pictures } from './integration/fmp4.ts';
import { decode, framesOf } from './integration/frames.ts';
import type { TestOwner } from './integration/owner.ts';
import type { AgentProgram } from './integration/program.ts';
import { makeSource, SEGMENT_SECONDS, type Source } from './integration/source.ts';
import {
  AUDIO_TICKS,
  assertRegular,
  assertStored,
  BACKLOG,
  bytesOf,
  CLIP,
  JOB,
  offer,
  offerLive,
  SEGMENTS,
  until,
  VIDEO_TICKS,
  withAgent,
} from './integration/stage.ts';

/** The rung's segment holds exactly the frames of the source's, and its audio byte for byte. */
function assertSameFrames(source: Source, owner: TestOwner, name: string): void {
  const msn = Number(name.split('/')[2]);
  const from = framesOf(source.segments[msn] ?? new Uint8Array(0));
  const made = framesOf(bytesOf(owner, name));
  assert.deepEqual(made.videoPts, from.videoPts, `${name}: frames`);
  assert.equal(made.reorderTicks, from.reorderTicks, `${name}: PTS - DTS`);
  assert.ok(made.audio.equals(from.audio), `${name}: audio differs`);
}

/** [source 0-4][rung 5-9][source 10-14] decodes without a warning, with every frame, and no step in either track. */
function assertSplices(source: Source, owner: TestOwner, name: string): void {
  const parts = source.segments.map((bytes, msn) => {
    if (msn < 5 || msn > 10) return bytes;
    const part = msn < 10 ? bytesOf(owner, `1/${name}/${msn}`) : bytes;
    return msn === 5 || msn === 10 ? withJoint(part) : part;
  });
  const film = decode(source.folder, Buffer.concat(parts));
  assert.equal(film.warnings, '', `${name}: FFmpeg warns`);
  assert.equal(film.videoPts.length, (SEGMENTS * SEGMENT_SECONDS * 90_000) / VIDEO_TICKS);
  assertRegular(film.videoPts, VIDEO_TICKS, `${name}: video`);
  assertRegular(film.audioPts, AUDIO_TICKS, `${name}: audio`);
}

/** A live source, the agent started with a backlog of three segments, until the owner lets go. */
async function live(source: Source): Promise<string> {
  return withAgent(async (owner, agent) => {
    for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
    await offerLive(owner, source, BACKLOG, SEGMENTS);
    const last = SEGMENTS - 1;
    await until('all but the newest segment are stored', 2, () => owner.stored.has(`1/low/${last - 1}`));
    owner.stop = true;
    assert.equal(await agent.exited, 0);
    assertStored(owner, 1, 0, last);
    for (const name of owner.stored.keys()) assertSameFrames(source, owner, name);
    for (const { name } of JOB.rungs) assertSplices(source, owner, name);
    const high = inspectSegment(bytesOf(owner, '1/high/0')).video;
    assert.deepEqual([high?.width, high?.height], [640, 360], 'a rung is never higher than the source');
    const report = owner.reports.at(-1);
    assert.equal(report?.state, 'Encoding');
    assert.equal(report.message, '');
    return liveFigures(owner, agent);
  });
}

function liveFigures(owner: TestOwner, agent: AgentProgram): string {
  const at = (name: string): number => owner.stored.get(name)?.at ?? Number.NaN;
  const first = Math.max(...JOB.rungs.map(({ name }) => at(`1/${name}/0`))) - agent.startedAt;
  const took: number[] = [];
  for (let msn = BACKLOG; msn < SEGMENTS - 1; msn++) {
    const stored = Math.max(...JOB.rungs.map(({ name }) => at(`1/${name}/${msn}`)));
    took.push(stored - (owner.offeredAt.get(msn) ?? 0));
  }
  const worst = Math.max(...took);
  const cpu = owner.reports.map((report) => report.cpuPercent ?? 0).slice(2);
  const mean = cpu.reduce((sum, value) => sum + value, 0) / cpu.length;
  const median = took.toSorted((left, right) => left - right)[Math.floor(took.length / 2)] ?? Number.NaN;
  // A rung's segment waits for the first frame of the next one, so for TD. The median: other work on the machine delays some.
  assert.ok(median < SEGMENT_SECONDS * 1000 + 500, `a segment took ${median} ms: the constant lag is TD + 500 ms`);
  return [
    `first segment of every rung stored ${first.toFixed(0)} ms after the start`,
    `offered to stored median ${median.toFixed(0)} ms, worst ${worst.toFixed(0)} ms`,
    `FFmpeg ${mean.toFixed(0)} % of a core`,
  ].join(', ');
}

/** All segments at once behind the first three, then a break of the timeline, then a new epoch. */
async function backlog(source: Source): Promise<string> {
  return withAgent(async (owner) => {
    for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
    await until('the first segment is stored', 10, () => owner.stored.has('1/low/0'));
    for (let msn = BACKLOG; msn < 10; msn++) offer(owner, source, msn);
    offer(owner, source, 12, true);
    await until('everything before the break is stored', 20, () => owner.stored.has('1/low/9'));
    owner.startEpoch(2);
    for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
    await until('everything before the new epoch is stored', 20, () => owner.stored.has('1/low/12'));
    await until('the new epoch is stored', 20, () => owner.stored.has('2/low/1') && owner.stored.has('2/high/1'));
    assertStored(owner, 1, 0, 10);
    assertStored(owner, 1, 12, 13);
    for (const name of owner.stored.keys()) assertSameFrames(source, owner, name);
    return `${owner.stored.size} segments`;
  });
}

/** FFmpeg dies, then the edge restarts: the agent goes on by itself. */
async function failures(source: Source): Promise<string> {
  return withAgent(async (owner, agent) => {
    for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
    await until('the first segment is stored', 10, () => owner.stored.has('1/low/0'));
    const killedAt = performance.now();
    for (const pid of agent.encoders()) process.kill(pid, 'SIGKILL');
    offer(owner, source, 3);
    await until('the segment after the death is stored', 10, () => owner.stored.has('1/low/2'));
    const recovered = performance.now() - killedAt;
    await owner.close();
    await sleep(1000);
    await owner.open();
    offer(owner, source, 4);
    await until('the segment after the restart is stored', 10, () => owner.stored.has('1/low/3'));
    for (const name of owner.stored.keys()) assertSameFrames(source, owner, name);
    const film = decode(
      source.folder,
      Buffer.concat(['0', '1', '2', '3'].map((msn) => bytesOf(owner, `1/low/${msn}`))),
    );
    assert.equal(film.warnings, '', 'the segments of both encoder runs follow on');
    assertRegular(film.videoPts, VIDEO_TICKS, 'video');
    return `after the death of FFmpeg the next segment was stored within ${recovered.toFixed(0)} ms`;
  });
}

/** FFmpeg stands still while it is fed: it is killed, though it ignores SIGTERM, and another one takes over. */
async function hang(source: Source): Promise<string> {
  return withAgent(async (owner, agent) => {
    for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
    await until('the first segment is stored', 10, () => owner.stored.has('1/low/1'));
    for (const pid of agent.encoders()) process.kill(pid, 'SIGSTOP');
    const stoppedAt = performance.now();
    for (let msn = BACKLOG; msn < BACKLOG + 2; msn++) offer(owner, source, msn);
    await until('a segment after the hang is stored', 30, () => owner.stored.has(`1/low/${BACKLOG}`));
    const took = performance.now() - stoppedAt;
    await until('the owner knows of the force kill', 10, () =>
      owner.reports.some(({ incidents }) => incidents?.some(({ reason }) => reason === 'ForceKillRequired')),
    );
    for (const name of owner.stored.keys()) assertSameFrames(source, owner, name);
    return `recovered ${(took / 1000).toFixed(1)} s after it stood still`;
  });
}

/** FFmpeg gets a twentieth of the time: the highest rung goes, the others stay. */
async function slow(source: Source): Promise<string> {
  return withAgent(async (owner, agent) => {
    const throttle = setInterval(() => {
      const encoders = agent.encoders();
      for (const pid of encoders) signalIfAlive(pid, 'SIGSTOP');
      setTimeout(() => {
        for (const pid of encoders) signalIfAlive(pid, 'SIGCONT');
      }, 475);
    }, 500);
    try {
      for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
      await Promise.all([
        offerLive(owner, source, BACKLOG, SEGMENTS),
        until('a rung is dropped', 40, () => owner.reports.at(-1)?.droppedRungs.length === 1),
      ]);
    } finally {
      clearInterval(throttle);
    }
    const report = owner.reports.at(-1);
    assert.deepEqual(report?.droppedRungs, ['high']);
    assert.match(report.message, /cannot keep pace/);
    await until('the newest segment but one is stored', 20, () => owner.stored.has(`1/low/${SEGMENTS - 2}`));
    assert.ok(!owner.stored.has(`1/high/${SEGMENTS - 2}`), 'the highest rung is gone');
    return report.message;
  });
}

/** A process may end between being listed and being signalled. */
function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}

/** Nothing that is asked for works here: the owner learns why, and the pod ends with an error. */
async function noEncoder(): Promise<string> {
  return withAgent(
    async (owner, agent) => {
      assert.equal(await agent.exited, 1);
      assert.equal(owner.reports.at(-1)?.state, 'Failed');
      assert.match(owner.reports.at(-1)?.message ?? '', /no encoder works here: .*h264_nvenc/);
      return owner.reports.at(-1)?.message ?? '';
    },
    { ...JOB, encoders: ['h264_nvenc'] },
  );
}

/** preStop keeps encoding until the owner lets go; then SIGTERM ends the agent at once, and FFmpeg with it. */
async function drain(source: Source): Promise<string> {
  return withAgent(async (owner, agent) => {
    for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
    await until('the first segment is stored', 10, () => owner.stored.has('1/low/1'));
    const [encoder] = agent.encoders();
    assert.ok(encoder !== undefined, 'an FFmpeg runs');
    const hook = agent.drain();
    await until('the owner is asked', 5, () => owner.drainQuestions > 0);
    offer(owner, source, 3);
    await until('a segment is stored while draining', 10, () => owner.stored.has('1/low/2'));
    await until('the report says so', 5, () => owner.reports.at(-1)?.state === 'Draining');
    owner.drained = true;
    assert.equal(await hook, 0);
    const terminatedAt = performance.now();
    agent.signal('SIGTERM');
    assert.equal(await agent.exited, 0);
    assert.throws(() => process.kill(encoder, 0), 'FFmpeg is gone');
    return `ended ${(performance.now() - terminatedAt).toFixed(0)} ms after SIGTERM`;
  });
}

/** A newer attempt works: the agent ends by itself. */
async function superseded(source: Source): Promise<string> {
  return withAgent(async (owner, agent) => {
    offer(owner, source, 0);
    await until('the agent reports', 10, () => owner.reports.length > 0);
    owner.superseded = true;
    assert.equal(await agent.exited, 0);
    return '';
  });
}

/** The 33 bits of the timestamps run over in the middle of the film. */
async function wrap(source: Source): Promise<string> {
  const starts = source.segments.map((bytes) => inspectSegment(bytes).video?.firstPts ?? Number.NaN);
  assert.ok((starts[0] ?? 0) > (starts.at(-1) ?? 0), 'the timestamps of the source begin again');
  return withAgent(async (owner) => {
    for (let msn = 0; msn < source.segments.length; msn++) offer(owner, source, msn);
    await until('the segment of the wrap is stored', 20, () => owner.stored.has(`1/low/${source.segments.length - 2}`));
    for (const name of owner.stored.keys()) assertSameFrames(source, owner, name);
    return `${owner.stored.size} segments`;
  });
}

const ABOUT = `The agent as its pod runs it, with a real FFmpeg, against the owner's side of the work API.
All scenarios take about two minutes, because a live source takes its time. Fails where FFmpeg is missing; SLUICE_FFMPEG
names another.`;

const SCENARIOS: readonly Scenario<Source>[] = [
  ['live', 'a rung holds exactly the frames of the source, live, and splices without a trace', live],
  ['backlog', 'a backlog, a discontinuity and a new epoch', backlog],
  ['failures', 'the agent survives the death of FFmpeg and a restart of the edge', failures],
  ['drain', 'drain and SIGTERM', drain],
  ['superseded', 'a newer attempt works', superseded],
  ['encoder', 'no encoder works', noEncoder],
  ['hang', 'an FFmpeg that hangs', hang],
  ['slow', 'an encoder that is too slow', slow],
  ['fmp4', 'a rung of fragmented MP4 holds exactly what the source does, and splices', muxed],
  ['cmaf', 'pictures alone, another section, broken and unsuitable segments', pictures],
  ['ending', 'a source that ends is encoded to its last picture, with its captions', ending],
  ['wrap', 'timestamps that wrap', () => withSource(BACKLOG, TIMESTAMP_MODULUS / 90_000 - 3, wrap)],
];

async function withSource(count: number, offset: number, run: (source: Source) => Promise<string>): Promise<string> {
  const source = makeSource(CLIP, count, offset);
  try {
    return await run(source);
  } finally {
    rmSync(source.folder, { recursive: true });
  }
}

const suite = { program: 'images/transcoder/agent.integration.ts', about: ABOUT, scenarios: SCENARIOS };
await runSuite(suite, async (run) => {
  await withSource(SEGMENTS, 100, async (source) => {
    await run(source);
    return '';
  });
});
