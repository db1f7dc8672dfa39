import type { CrowdReport } from '../viewer/crowd-tally.ts';
import { growthFaults, growthOf } from './growth.ts';
import type { Life } from './holdings.ts';
import type { KilledOwner } from './owner-killer.ts';
import { type Listing, latenessSeconds } from './rhythm.ts';

/** What a soak has seen. */
export interface Outcome {
  readonly report: CrowdReport;
  readonly lives: readonly Life[];
  readonly kills: readonly KilledOwner[];
  readonly listings: readonly Listing[];
  /** Since the newest segment was listed, at the end. */
  readonly lastListingSeconds: number;
  readonly switches: number;
  /** The longest that two edges had connections to the source, in seconds. */
  readonly doubledSeconds: number;
  /** The longest that the viewers' own process was late, in seconds: a machine that has no time for them makes stalls itself. */
  readonly lateSeconds: number;
}

/** What was asked for of the same soak. */
export interface Expected {
  readonly kills: number;
  readonly switches: number;
}

/** A former owner's idle connection to the source closes within these; two who fetch would keep theirs for ever. */
const MOST_DOUBLED_SECONDS = 15;
/** A channel whose newest segment of 2 s is older stands still. */
const MOST_LISTING_SECONDS = 10;

/** Figures of a soak, a line each: what each lost owner cost, and what each process has grown by. */
export function figures({ report, kills, listings, lives, switches, lateSeconds }: Outcome): string[] {
  const late = kills.map(({ name, how, atMilliseconds }, index) => {
    const seconds = latenessSeconds(listings, atMilliseconds);
    const text =
      seconds === null ? 'nothing was listed for 20 s' : `next segments at most ${seconds.toFixed(1)} s late`;
    return `owner ${index + 1} of ${kills.length}, ${name}, killed ${how}: ${text}`;
  });
  const grown = lives.map(({ name, group, holdings }) => {
    const growth = growthOf(holdings);
    const last = holdings.at(-1);
    const now = `${last?.megabytes.toFixed(0)} MB, ${last?.descriptors} descriptors`;
    if (growth === null) return `${name} (${group}): ${now}; too short a life to be judged`;
    const { seconds, megabytes, descriptors } = growth;
    return `${name} (${group}): ${now}; grown by ${megabytes.toFixed(1)} MB, ${descriptors} descriptors in ${seconds} s`;
  });
  const { segments, polls, slowestSegmentSeconds, lostConnections } = report;
  const watched = `${segments} segments, ${polls} playlists, ${switches} changes of mode, ${lostConnections} lost connections`;
  const slowest = `slowest segment ${slowestSegmentSeconds.toFixed(1)} s`;
  return [`${watched}, ${slowest}, viewers themselves late by ${lateSeconds.toFixed(1)} s at most`, ...late, ...grown];
}

/** Everything that was wrong, in words; empty for a soak that has passed. */
export function faults(outcome: Outcome, expected: Expected): string[] {
  const { report, lives, kills, listings, lastListingSeconds, switches, doubledSeconds } = outcome;
  const errors = report.problems - report.lostConnections;
  const stood = kills.filter(({ atMilliseconds }) => latenessSeconds(listings, atMilliseconds) === null).length;
  return [
    ...(report.stalls > 0 ? [`${report.stalls} stalls, ${report.stalledSeconds.toFixed(1)} s in all`] : []),
    ...(errors > 0 ? [`${errors} errors, the last: ${report.lastProblem}`] : []),
    ...(report.segments === 0 ? ['nobody has seen a segment'] : []),
    ...(stood > 0 ? [`after ${stood} killed owners nothing was listed for 20 s`] : []),
    ...(lastListingSeconds > MOST_LISTING_SECONDS
      ? [`at the end nothing new for ${lastListingSeconds.toFixed(0)} s`]
      : []),
    ...(kills.length < expected.kills ? [`only ${kills.length} of ${expected.kills} owners were killed`] : []),
    ...(switches < expected.switches ? [`only ${switches} changes of mode, expected ${expected.switches}`] : []),
    ...(doubledSeconds > MOST_DOUBLED_SECONDS ? [`two edges were at the source for ${doubledSeconds} s`] : []),
    ...lives.flatMap(({ name, group, holdings }) => {
      const growth = growthOf(holdings);
      return growth === null ? [] : growthFaults(`${name} (${group})`, growth);
    }),
  ];
}
