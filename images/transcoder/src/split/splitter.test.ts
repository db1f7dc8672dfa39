import { describe, expect, test } from '@jest/globals';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { readPackets } from '@sluice/common/mpegts/packet.ts';
import { readPesHeader } from '@sluice/common/mpegts/pes.ts';
import type { TestFrame } from '@sluice/common/mpegts/stream.testing.ts';
import { adtsFrame, picture, StreamWriter, TEST_PIDS, TEST_STREAMS } from '@sluice/common/mpegts/stream.testing.ts';
import { addTicks, TIMESTAMP_MODULUS } from '@sluice/common/mpegts/timestamp.ts';
import fc from 'fast-check';
import { faultOf } from '../check/segment.ts';
import type { Boundary } from './boundary.ts';
import type { SplitSegment } from './splitter.ts';
import { Splitter } from './splitter.ts';

/** A source's plan: how many frames each segment has, where the film begins, and how far the audio leads. */
interface Plan {
  readonly firstPts: number;
  readonly frames: readonly number[];
  readonly audioLeadTicks: number;
}

const VIDEO_TICKS = 3600;
const AUDIO_TICKS = 1920;

interface Film {
  readonly boundaries: readonly Boundary[];
  readonly video: readonly TestFrame[];
  readonly audio: readonly TestFrame[];
}

function filmOf(plan: Plan): Film {
  const video: TestFrame[] = [];
  const audio: TestFrame[] = [];
  const boundaries: Boundary[] = [];
  let ticks = 0;
  let audioTicks = -plan.audioLeadTicks;
  plan.frames.forEach((count, msn) => {
    const videoPts = addTicks(plan.firstPts, ticks);
    boundaries.push({ msn, videoPts, audioPts: addTicks(plan.firstPts, audioTicks), videoFrames: count });
    for (let index = 0; index < count; index++, ticks += VIDEO_TICKS) {
      const pts = addTicks(plan.firstPts, ticks);
      const payload = picture(index === 0 ? 'idr' : 'slice', 150 + ((ticks / VIDEO_TICKS) % 7) * 90);
      video.push({ pid: TEST_PIDS.video, pts, dts: addTicks(pts, -7200), payload, randomAccess: index === 0 });
    }
    for (; audioTicks + plan.audioLeadTicks < ticks; audioTicks += AUDIO_TICKS) {
      audio.push({ pid: TEST_PIDS.audio, pts: addTicks(plan.firstPts, audioTicks), payload: adtsFrame(60) });
    }
  });
  return { boundaries, video, audio };
}

/** Writes both tracks, taking the next frame from either as `choices` say, within what a muxer does: `skew` frames. */
function mux(film: Film, choices: readonly boolean[], skew: number): Buffer {
  const writer = new StreamWriter();
  const parts: Uint8Array[] = [writer.tables()];
  let video = 0;
  let audio = 0;
  for (let step = 0; video < film.video.length || audio < film.audio.length; step++) {
    const ahead = video * VIDEO_TICKS - audio * AUDIO_TICKS;
    const wanted = choices[step % choices.length] ?? true;
    const allowed = Math.abs(ahead) < skew * VIDEO_TICKS ? wanted : ahead < 0;
    const takeVideo = audio >= film.audio.length || (video < film.video.length && allowed);
    const frame = takeVideo ? film.video[video++] : film.audio[audio++];
    if (frame !== undefined) parts.push(writer.frame(frame));
    if (step % 10 === 9) parts.push(writer.tables());
  }
  return Buffer.concat(parts);
}

function split(film: Film, stream: Uint8Array, pieces: readonly number[]): readonly SplitSegment[] {
  const segments: SplitSegment[] = [];
  const splitter = new Splitter((segment) => segments.push(segment));
  for (const boundary of film.boundaries) splitter.expect(boundary);
  for (let offset = 0, piece = 0; offset < stream.length; piece++) {
    const length = pieces[piece % pieces.length] ?? 188;
    splitter.push(stream.subarray(offset, offset + length));
    offset += length;
  }
  splitter.end();
  return segments;
}

/** The payload of a PID: its PES packets one behind the other. */
function elementaryPackets(bytes: Uint8Array, pid: number): Buffer {
  const parts = [...readPackets(bytes)].filter((packet) => packet.pid === pid);
  return Buffer.concat(parts.map((packet) => bytes.subarray(packet.payload, packet.end)));
}

function timestampsOf(bytes: Uint8Array, pid: number): readonly number[] {
  const starts = [...readPackets(bytes)].filter((packet) => packet.pid === pid && packet.unitStart);
  return starts.map((packet) => readPesHeader(bytes.subarray(packet.payload, packet.end))?.pts ?? Number.NaN);
}

function between(all: readonly number[], from: number | null, to: number | null | undefined): readonly number[] {
  const start = all.indexOf(from ?? Number.NaN);
  return all.slice(start, to === undefined ? all.length : all.indexOf(to ?? Number.NaN));
}

const plans: fc.Arbitrary<Plan> = fc.record({
  firstPts: fc.oneof(fc.integer({ min: 0, max: TIMESTAMP_MODULUS - 1 }), fc.constant(TIMESTAMP_MODULUS - 90_000)),
  frames: fc.array(fc.integer({ min: 3, max: 30 }), { minLength: 1, maxLength: 6 }),
  audioLeadTicks: fc.integer({ min: 0, max: 3 }).map((frames) => frames * 640),
});
const choices = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 });
const pieces = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 10 });

describe('the splitter', () => {
  test('deals out every PES packet of both tracks, in order, exactly at the boundaries, however they are interleaved', () => {
    fc.assert(
      fc.property(plans, choices, pieces, fc.integer({ min: 1, max: 2 }), (plan, interleaving, cuts, skew) => {
        const film = filmOf(plan);
        const stream = mux(film, interleaving, skew);
        const segments = split(film, stream, cuts);
        expect(segments.map((segment) => segment.boundary)).toEqual(film.boundaries);
        const joined = Buffer.concat(segments.map((segment) => segment.bytes));
        for (const pid of [TEST_PIDS.video, TEST_PIDS.audio]) {
          expect(elementaryPackets(joined, pid).equals(elementaryPackets(stream, pid))).toBe(true);
        }
        // Counters are right within each segment and from each to the next.
        expect(inspectSegment(joined).continuityErrors).toBe(0);
        segments.forEach(({ boundary, bytes }, index) => {
          expect(faultOf(bytes, boundary)).toBeNull();
          const next = film.boundaries[index + 1];
          const pts = (frames: readonly TestFrame[]): number[] => frames.map((frame) => frame.pts);
          expect(timestampsOf(bytes, TEST_PIDS.video)).toEqual(
            between(pts(film.video), boundary.videoPts, next?.videoPts),
          );
          expect(timestampsOf(bytes, TEST_PIDS.audio)).toEqual(
            between(pts(film.audio), boundary.audioPts, next?.audioPts),
          );
        });
      }),
      { numRuns: 80 },
    );
  });

  test('a segment is complete as soon as both tracks have passed its end', () => {
    const film = filmOf({ firstPts: 0, frames: [5, 5], audioLeadTicks: 0 });
    const writer = new StreamWriter();
    const segments: SplitSegment[] = [];
    const splitter = new Splitter((segment) => segments.push(segment));
    for (const boundary of film.boundaries) splitter.expect(boundary);
    splitter.push(writer.tables());
    for (const frame of film.video.slice(0, 6)) splitter.push(writer.frame(frame));
    for (const frame of film.audio.slice(0, 10)) splitter.push(writer.frame(frame));
    expect(segments).toHaveLength(0);
    for (const frame of film.audio.slice(10, 11)) splitter.push(writer.frame(frame));
    expect(segments.map((segment) => segment.boundary.msn)).toEqual([0]);
  });

  test('a track that has ended does not hold the other back', () => {
    const film = filmOf({ firstPts: 0, frames: [5, 5, 5, 5, 5], audioLeadTicks: 0 });
    const writer = new StreamWriter();
    const segments: SplitSegment[] = [];
    const splitter = new Splitter((segment) => segments.push(segment));
    for (const boundary of film.boundaries) splitter.expect(boundary);
    splitter.push(writer.tables());
    for (const frame of film.video) splitter.push(writer.frame(frame));
    expect(segments.map((segment) => segment.boundary.msn)).toEqual([0, 1, 2]);
    splitter.end();
    expect(segments.map((segment) => segment.boundary.msn)).toEqual([0, 1, 2, 3, 4]);
  });

  test('a stream of video alone is cut at the video', () => {
    const film = filmOf({ firstPts: 0, frames: [4, 4], audioLeadTicks: 0 });
    const writer = new StreamWriter();
    const tables = writer.tables(TEST_STREAMS.slice(0, 1));
    const stream = Buffer.concat([tables, ...film.video.map((frame) => writer.frame(frame))]);
    const boundaries = film.boundaries.map((boundary) => ({ ...boundary, audioPts: null }));
    const segments = split({ ...film, boundaries }, stream, [1000]);
    expect(segments.map(({ boundary, bytes }) => faultOf(bytes, boundary))).toEqual([null, null]);
  });

  test('audio that was counted on a few ticks short still goes behind its boundary', () => {
    const film = filmOf({ firstPts: 90_000, frames: [4, 4], audioLeadTicks: 0 });
    const audio = film.audio.map((frame) => ({ ...frame, pts: frame.pts - 8 }));
    const segments = split(film, mux({ ...film, audio }, [true, false], 1), [1000]);
    expect(segments.map(({ boundary, bytes }) => faultOf(bytes, boundary))).toEqual([null, null]);
  });

  test('media that nobody announced, and what is no transport stream, are refused', () => {
    const writer = new StreamWriter();
    const splitter = new Splitter(() => undefined);
    splitter.push(writer.tables());
    const frame = writer.frame({ pid: TEST_PIDS.video, pts: 0, payload: picture('idr') });
    expect(() => splitter.push(frame)).toThrow('before any segment was announced');
    expect(() => new Splitter(() => undefined).push(new Uint8Array(188))).toThrow('no sync byte');
  });
});
