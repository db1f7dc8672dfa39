import { modeSchema } from '@sluice/common/link/mode.ts';
import { z } from 'zod';
import { decide } from './decide.ts';
import { aliveSinceMs, type Decision, type DeliverySpec, type PreviousDecision } from './decision.ts';

/** One line of a trace: what was known of the audience from `time` on; what is left out stays as it was. */
const sampleSchema = z.strictObject({
  /** Seconds, or RFC 3339. */
  time: z.union([z.number(), z.iso.datetime({ offset: true })]),
  viewers: z.int().nonnegative().optional(),
  /** Viewers that may start a transcode; all of them if left out. */
  trusted: z.int().nonnegative().optional(),
  state: z.enum(['known', 'stale', 'unknown']).optional(),
});

/** Settings of the channel, with the defaults of the API. */
const specSchema = z.strictObject({
  minimumMode: modeSchema.default('Idle'),
  maximumMode: modeSchema.default('Transcode'),
  proxyThreshold: z.int().positive().default(2),
  transcodeThreshold: z.int().positive().default(4),
  hysteresisSeconds: z.number().nonnegative().default(30),
});

/** What was known of an audience from a moment on. */
export interface Sample {
  readonly timeMs: number;
  readonly viewers: number;
  readonly trusted: number;
  readonly state: 'known' | 'stale' | 'unknown';
}

/** A recorded audience and the settings to decide by. */
export interface Trace {
  readonly spec: DeliverySpec;
  readonly samples: readonly Sample[];
}

/** A decision at a moment of the trace. */
export interface ReplayedDecision {
  readonly timeMs: number;
  readonly viewers: number;
  readonly decision: Decision;
}

/**
 * Reads a trace of JSON lines; the first may hold `{"spec": ...}`.
 * @throws Error naming the line and the field that is wrong
 */
export function parseTrace(text: string): Trace {
  let spec: DeliverySpec = specSchema.parse({});
  const samples: Sample[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const value = parseLine(line, index + 1);
    if (samples.length === 0 && typeof value === 'object' && value !== null && 'spec' in value) {
      spec = check(specSchema, value.spec, index + 1);
      continue;
    }
    const { time, viewers, trusted, state } = check(sampleSchema, value, index + 1);
    const before = samples.at(-1) ?? { timeMs: Number.NEGATIVE_INFINITY, viewers: 0, trusted: 0, state: 'known' };
    const timeMs = typeof time === 'number' ? time * 1000 : Date.parse(time);
    if (timeMs < before.timeMs) throw new Error(`line ${index + 1}: time goes back`);
    samples.push({
      timeMs,
      viewers: viewers ?? before.viewers,
      trusted: trusted ?? viewers ?? before.trusted,
      state: state ?? before.state,
    });
  }
  return { spec, samples };
}

/**
 * Plays a trace: decides at each sample and whenever a decision asked to be woken. Viewers of a trace have no names,
 * so those that are still there in the second half of a window count as alive.
 */
export function replay({ spec, samples }: Trace): readonly ReplayedDecision[] {
  const decisions: ReplayedDecision[] = [];
  let previous: PreviousDecision = { mode: spec.minimumMode, sinceMs: samples[0]?.timeMs ?? 0, pending: null };
  for (const [index, sample] of samples.entries()) {
    const end = samples[index + 1]?.timeMs ?? Number.POSITIVE_INFINITY;
    let timeMs: number | null = sample.timeMs;
    while (timeMs !== null && (timeMs < end || timeMs === sample.timeMs)) {
      const decision: Decision = decideAt(timeMs, sample, spec, previous);
      decisions.push({ timeMs, viewers: sample.viewers, decision });
      previous = decision;
      timeMs = decision.wakeAfterSeconds === null ? null : timeMs + decision.wakeAfterSeconds * 1000;
    }
  }
  return decisions;
}

function decideAt(nowMs: number, sample: Sample, spec: DeliverySpec, previous: PreviousDecision): Decision {
  const { state, viewers, trusted } = sample;
  const isSecondHalf = previous.pending !== null && nowMs >= aliveSinceMs(previous.pending, spec.hysteresisSeconds);
  return decide({
    nowMs,
    spec,
    audience: { state, viewers, trusted, alive: isSecondHalf ? trusted : 0 },
    pins: [],
    obstacles: { direct: null, transcode: null },
    previous,
  });
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${number}: not JSON: ${line.slice(0, 80)}`);
  }
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, number: number): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw new Error(`line ${number}: ${field === '' ? '' : `${field}: `}${issue?.message}`);
}
