import type { InitInspection } from '@sluice/common/mp4/init.ts';
import { inspectSegment, type SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import { TICKS_PER_SECOND, ticksBetween } from '@sluice/common/mpegts/timestamp.ts';
import { sourceError } from './errors.ts';
import { type FragmentSpans, spansOf } from './fragment-spans.ts';

/** Where a segment's media begins; `isTicks`: of the 33 bit clock of 90 kHz, which begins anew every 26.5 hours. */
export interface MediaStart {
  readonly seconds: number;
  readonly isTicks: boolean;
}

/** What a whole segment says of itself. */
export interface SegmentContent {
  /** Of MPEG-TS, else null. */
  readonly inspection: SegmentInspection | null;
  /** Of fragmented MP4, else null. */
  readonly spans: FragmentSpans | null;
  /** Null where it does not say, as WebVTT. */
  readonly start: MediaStart | null;
}

/** Header of an ID3 tag (ID3v2.3 3.1): packed audio begins with one (RFC 8216bis 3.1.3). */
const ID3_HEADER_BYTES = 10;
/** Owner of the PRIV frame that tells when packed audio begins. */
const TIMESTAMP_OWNER = 'com.apple.streaming.transportStreamTimestamp';
/** Bytes in which that frame is looked for: tags hold a title and a picture at most. */
const MAX_ID3_BYTES = 64 * 1024;

/** Seconds from one start to another; null where their clocks are not the same. */
export function secondsApart(one: MediaStart, other: MediaStart): number | null {
  if (one.isTicks !== other.isTicks) return null;
  if (!one.isTicks) return other.seconds - one.seconds;
  return ticksBetween(one.seconds * TICKS_PER_SECOND, other.seconds * TICKS_PER_SECOND) / TICKS_PER_SECOND;
}

/**
 * Whether segments of two renditions begin at the same time, as far as they say when they do.
 * @param tolerance seconds that they may be apart
 */
export function beginTogether(one: MediaStart | null, other: MediaStart | null, tolerance: number): boolean {
  if (one === null || other === null) return true;
  const apart = secondsApart(one, other);
  return apart !== null && Math.abs(apart) <= tolerance;
}

/** When an MPEG-TS segment begins: its picture, or its audio where there is none. */
export function startOfTs({ video, audio }: SegmentInspection): MediaStart | null {
  const ticks = video?.firstPts ?? audio?.firstPts;
  return ticks === undefined ? null : { seconds: ticks / TICKS_PER_SECOND, isTicks: true };
}

/** When a fragment begins, by the decode time of its picture, or its audio where there is none. */
export function startOfFragment(bytes: Uint8Array, init: InitInspection, partial = false): MediaStart | null {
  return startOfSpans(spansOf(bytes, init, partial));
}

function startOfSpans({ video, audio }: FragmentSpans): MediaStart | null {
  const seconds = (video ?? audio)?.decodedAt;
  return seconds === undefined ? null : { seconds, isTicks: false };
}

function broken(what: string): Error {
  return sourceError('SEGMENT_BROKEN', `A segment of the source is ${what}`);
}

/** When packed audio begins. Throws SEGMENT_BROKEN where it is none, or does not say when it begins. */
export function startOfPackedAudio(bytes: Uint8Array): MediaStart {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_ID3_BYTES));
  if (head.length < ID3_HEADER_BYTES || head.toString('latin1', 0, 3) !== 'ID3') {
    throw broken('no packed audio: it does not begin with an ID3 tag (RFC 8216bis 3.1.3)');
  }
  const owner = head.indexOf(`${TIMESTAMP_OWNER}\0`, ID3_HEADER_BYTES, 'latin1');
  const at = owner + TIMESTAMP_OWNER.length + 1;
  if (owner < 0 || at + 8 > head.length) throw broken('packed audio that does not say when it begins');
  return { seconds: Number(head.readBigUInt64BE(at) & 0x1_ffff_ffffn) / TICKS_PER_SECOND, isTicks: true };
}

/** Throws SEGMENT_BROKEN where bytes are no WebVTT (W3C WebVTT 4.1). */
export function checkWebVtt(bytes: Uint8Array): void {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('utf8');
  if (!/^\uFEFF?WEBVTT(?:[ \t\r\n]|$)/.test(head)) throw broken('no WebVTT file');
}

/**
 * Reads a whole segment by the end of its name: `ts`, `m4s` (with its initialization section), `aac` or `vtt`. Throws
 * SEGMENT_BROKEN, and the errors of the readers of MPEG-TS and MP4.
 */
export function contentOf(extension: string, bytes: Uint8Array, init: InitInspection | null): SegmentContent {
  if (extension === 'vtt') {
    checkWebVtt(bytes);
    return { inspection: null, spans: null, start: null };
  }
  if (extension === 'aac') return { inspection: null, spans: null, start: startOfPackedAudio(bytes) };
  if (init !== null) {
    const spans = spansOf(bytes, init);
    return { inspection: null, spans, start: startOfSpans(spans) };
  }
  const inspection = inspectSegment(bytes);
  return { inspection, spans: null, start: startOfTs(inspection) };
}
