import type { Obstacle, OwnerReport, SessionReport } from '@sluice/common/link/owner-report.ts';
import type { SourceFacts, SourceRendition } from '@sluice/common/link/source-facts.ts';
import { LADDER_MAX_RUNGS } from '@sluice/crds';
import { limited } from '../channel/build/text.ts';
import { sameJson } from '../runtime/apply/json.ts';
import { tellsTheSame } from './reports.ts';

/** Largest number of an `int32` field: one that is larger makes the API server refuse a status as a whole. */
const LARGEST_INT32 = 2 ** 31 - 1;
/** Longest names of codecs and encoders that a status takes. */
const NAME_LENGTH = 64;
/** Longest reason of a condition (metav1.Condition is far above it). */
const REASON_LENGTH = 128;
/** Longest name of a rung. */
const RUNG_NAME_LENGTH = 32;
/** No pod is waited for a day: a number that is larger would only spoil the sum of a histogram. */
const LONGEST_START_SECONDS = 86_400;
/** Stands for a time that cannot be read: not now, or the status would change with every report. */
const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z';

/** The nearest whole number from 0 to 2^31 - 1. */
export function countable(value: number): number {
  return Math.min(LARGEST_INT32, Math.max(0, Math.floor(value)));
}

/**
 * The report of an owner cut to what a status takes, and to what ten thousand channels may cost in memory: an edge that
 * errs must not keep the channel's whole status from being written. Call it at the border, once per report.
 * @param last what this gave for the report before, if there is one: nearly always only the position has changed
 */
export function boundedReport(report: OwnerReport, last: OwnerReport | null = null): OwnerReport {
  if (last !== null && tellsTheSame(last, report)) return moved(last, report);
  const { health, facts, directObstacle, transcodeObstacle } = report;
  return {
    ...report,
    epoch: countable(report.epoch),
    facts: facts === null ? null : boundedFacts(facts, last?.facts ?? null),
    health: { ...health, ...boundedWords(health) },
    directObstacle: directObstacle === null ? null : boundedWords(directObstacle),
    transcodeObstacle: transcodeObstacle === null ? null : boundedWords(transcodeObstacle),
    session: report.session === null ? null : boundedSession(report.session),
  };
}

/** A report whose words were bounded before: only where the channel is has changed. */
function moved(last: OwnerReport, { lastMsn, session }: OwnerReport): OwnerReport {
  if (last.session === null || session === null) return { ...last, lastMsn };
  const { outTimeSeconds, speed } = session;
  return { ...last, lastMsn, session: { ...last.session, outTimeSeconds, speed } };
}

function boundedWords({ reason, message }: Obstacle): Obstacle {
  return { reason: limited(reason, REASON_LENGTH), message: limited(message) };
}

function boundedFacts(facts: SourceFacts, last: SourceFacts | null): SourceFacts {
  if (last !== null && sameJson(facts, last)) return last;
  return {
    ...facts,
    videoCodec: limited(facts.videoCodec, NAME_LENGTH),
    audioCodec: limited(facts.audioCodec, NAME_LENGTH),
    width: countable(facts.width),
    height: countable(facts.height),
    frameRateMilli: countable(facts.frameRateMilli),
    targetDurationSeconds: countable(facts.targetDurationSeconds),
    windowSegments: countable(facts.windowSegments),
    // Texts and their number are bounded by the schema of the link.
    ...(facts.renditions === undefined ? {} : { renditions: facts.renditions.map(boundedRendition) }),
    probedAt: timeOf(facts.probedAt),
  };
}

function boundedRendition(rendition: SourceRendition): SourceRendition {
  return {
    ...rendition,
    width: countable(rendition.width),
    height: countable(rendition.height),
    frameRateMilli: countable(rendition.frameRateMilli),
  };
}

function boundedSession(session: SessionReport): SessionReport {
  const { firstSegmentsSeconds } = session;
  return {
    ...session,
    encoder: limited(session.encoder, NAME_LENGTH),
    fallback: limited(session.fallback),
    droppedRungs: session.droppedRungs.slice(0, LADDER_MAX_RUNGS).map((name) => limited(name, RUNG_NAME_LENGTH)),
    message: limited(session.message),
    ...(firstSegmentsSeconds === undefined
      ? {}
      : { firstSegmentsSeconds: Math.min(firstSegmentsSeconds, LONGEST_START_SECONDS) }),
    // Bounded in number and length by the schema of the link.
    incidents: session.incidents ?? [],
  };
}

/** RFC 3339 in UTC with a year of four digits, as the API takes it. */
function timeOf(text: string): string {
  const time = new Date(text);
  const iso = Number.isNaN(time.getTime()) ? '' : time.toISOString();
  return /^\d{4}-/.test(iso) ? iso : UNKNOWN_TIME;
}
