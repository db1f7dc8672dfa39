import type { CrowdReport } from '../viewer/crowd-tally.ts';
import { growthFaults, growthOf } from './growth.ts';
import { type Life, OPERATOR } from './holdings.ts';
import type { KilledOwner } from './owner-killer.ts';
import { type Listing, latenessSeconds, worstLatenessSeconds } from './rhythm.ts';

/** What a soak has seen. */
export interface Outcome {
  readonly report: CrowdReport;
  readonly lives: readonly Life[];
  readonly kills: readonly KilledOwner[];
  readonly listings: readonly Listing[];
  /** Of the source itself: what it is late with, everybody is. */
  readonly sourceListings: readonly Listing[];
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
/** The next segment may be listed so much later after a lost owner. */
const MOST_LATE_SECONDS = 2;
/** A channel whose newest segment of 2 s is older stands still. */
const MOST_LISTING_SECONDS = 10;

/** Figures of a soak, a line each: what each lost owner cost, and what each process has grown by. */
export function figures({ report, kills, listings, sourceListings, lives, switches, lateSeconds }: Outcome): string[] {
  const late = kills.map(({ name, how, atMilliseconds }, index) => {
    const seconds = latenessSeconds(listings, atMilliseconds);
    const text =
      seconds === null ? 'nothing was listed for 20 s' : `next segments at most ${seconds.toFixed(1)} s late`;
    return `owner ${index + 1} of ${kills.length}, ${name}, killed ${how}: ${text}`;
  });
  const grown = lives.map(({ name, group, holdings }) => {
    const growth = growthOf(holdings);
    const last = holdings.at(-1);
    const now = `${last?.heldMegabytes.toFixed(0)} MB held of ${last?.megabytes.toFixed(0)}, ${last?.descriptors} descriptors`;
    if (growth === null) return `${name} (${group}): ${now}; too short a life to be judged`;
    const { seconds, megabytes, objectMegabytes, descriptors } = growth;
    return `${name} (${group}): ${now}; grown by ${megabytes.toFixed(1)} MB, objects by ${objectMegabytes.toFixed(1)} MB, ${descriptors} descriptors in ${seconds} s`;
  });
  const { segments, polls, slowestSegmentSeconds, lostConnections } = report;
  const watched = `${segments} segments, ${polls} playlists, ${switches} changes of mode, ${lostConnections} lost connections`;
  const slowest = `slowest segment ${slowestSegmentSeconds.toFixed(1)} s`;
  const own = `viewers themselves late by ${lateSeconds.toFixed(1)} s at most`;
  const source = `the source itself by ${worstLatenessSeconds(sourceListings).toFixed(1)} s`;
  return [`${watched}, ${slowest}`, `${own}, ${source}`, ...late, ...grown];
}

/** Everything that was wrong, in words; empty for a soak that has passed. */
export function faults(outcome: Outcome, expected: Expected): string[] {
  const { report, lives, kills, listings, lastListingSeconds, switches, doubledSeconds } = outcome;
  const errors = report.problems - report.lostConnections;
  const stalls = report.stalls - report.ownStalls;
  const lateEach = latenessAfter(outcome).filter((seconds) => seconds - notTheEdges(outcome) > MOST_LATE_SECONDS);
  const stood = kills.filter(({ atMilliseconds }) => latenessSeconds(listings, atMilliseconds) === null).length;
  return [
    ...(stalls > 0 ? [`${stalls} stalls, ${report.stalledSeconds.toFixed(1)} s in all`] : []),
    ...(errors > 0 ? [`${errors} errors, the last: ${report.lastProblem}`] : []),
    ...(report.segments === 0 ? ['nobody has seen a segment'] : []),
    ...(stood > 0 ? [`after ${stood} killed owners nothing was listed for 20 s`] : []),
    ...(lateEach.length > 0
      ? [`after ${lateEach.length} killed owners segments were listed up to ${Math.max(...lateEach).toFixed(1)} s late`]
      : []),
    ...(lastListingSeconds > MOST_LISTING_SECONDS
      ? [`at the end nothing new for ${lastListingSeconds.toFixed(0)} s`]
      : []),
    ...(kills.length < expected.kills ? [`only ${kills.length} of ${expected.kills} owners were killed`] : []),
    ...(switches < expected.switches ? [`only ${switches} changes of mode, expected ${expected.switches}`] : []),
    ...(doubledSeconds > MOST_DOUBLED_SECONDS ? [`two edges were at the source for ${doubledSeconds} s`] : []),
    ...(lives.some(({ name }) => name === OPERATOR) ? [] : ['the operator has never said what it holds']),
    ...lives.flatMap(({ name, group, holdings }) => {
      const growth = growthOf(holdings);
      return growth === null ? [] : growthFaults(`${name} (${group})`, growth);
    }),
  ];
}

/** How late segments were listed after each killed owner behind which any was, in seconds. */
function latenessAfter({ kills, listings }: Outcome): number[] {
  return kills.flatMap(({ atMilliseconds }) => latenessSeconds(listings, atMilliseconds) ?? []);
}

/** What of such a lateness may be that of the source, or of this process, which looks at the listings; in seconds. */
function notTheEdges({ lateSeconds, sourceListings }: Outcome): number {
  return lateSeconds + worstLatenessSeconds(sourceListings);
}

/** What keeps a soak from being judged although nothing was wrong, in words: this machine had no time for the viewers. */
export function doubts(outcome: Outcome): string[] {
  const { report, lateSeconds } = outcome;
  const late = `late themselves, by ${lateSeconds.toFixed(1)} s at most`;
  const worst = Math.max(0, ...latenessAfter(outcome));
  return [
    ...(report.ownStalls > 0
      ? [
          `${report.ownStalls} stalls while the viewers of this process were ${late}: nobody can tell what they would have seen`,
        ]
      : []),
    ...(worst > MOST_LATE_SECONDS && worst - notTheEdges(outcome) <= MOST_LATE_SECONDS
      ? [`segments were listed ${worst.toFixed(1)} s late after a killed owner, with source or viewers ${late}`]
      : []),
  ];
}
