import type { Mode } from '@sluice/common/link/mode.ts';
import type { SessionReport } from '@sluice/common/link/owner-report.ts';

/** Rows in a row that a transcoder must have stored before their time until its rungs are listed. */
export const ROWS_IN_TIME = 3;

/** Where the bytes of a rung's segment come from: `source`, or `<rung>.<attempt>` of a transcoder. */
export type Origin = string;

/** The source's own bytes. */
export const SOURCE: Origin = 'source';

/** The encoder run behind a rung. */
export function rungOrigin(rung: string, attempt: number): Origin {
  return `${rung}.${attempt}`;
}

/** How far a transcoder is on its way into the playlists. */
export interface Promotion {
  /** Complete rows in a row, stored before their publication time. */
  readonly inTime: number;
  /** The newest row was listed from the transcoder. */
  readonly live: boolean;
  /** It was live before and fell behind since. */
  readonly late: boolean;
}

/** A transcoder that has not delivered anything. */
export const NO_PROMOTION: Promotion = { inTime: 0, live: false, late: false };

/** Everything that decides what one entry names; all rungs of an entry are decided at once. */
export interface RowInput {
  readonly mode: Mode;
  /** All rungs of the timeline, `source` first, then the ladder from high to low. */
  readonly rungs: readonly string[];
  /** The source's bytes of this segment are stored. */
  readonly sourceStored: boolean;
  /** Timestamps break here: players reset, no joint is needed. */
  readonly discontinuity: boolean;
  /** Origins of the entry before; null where nothing is listed before. */
  readonly previous: Readonly<Record<string, Origin>> | null;
  /** The transcoder at work; null if there is none, or if it wants to end. */
  readonly transcoder: {
    readonly attempt: number;
    /** Rungs that it encodes now: without those that it dropped under load. */
    readonly rungs: readonly string[];
    /** Rungs of this segment that are stored. */
    readonly stored: ReadonlySet<string>;
  } | null;
  readonly promotion: Promotion;
}

/** The decision for one entry. */
export interface Row {
  /** The source's bytes must be stored first; nothing else of the row counts then. */
  readonly wait: boolean;
  /** The mode that this entry shows. */
  readonly mode: Mode;
  readonly origins: Readonly<Record<string, Origin>>;
  /** Rungs whose bytes come from elsewhere than before: a packet with discontinuity_indicator goes in front. */
  readonly joints: readonly string[];
  readonly promotion: Promotion;
}

/** The rung whose encoder stands in for `rung`: itself, else the next lower one, else the next higher one. */
function encodedFor(rung: string, rungs: readonly string[], encoded: ReadonlySet<string>): string | null {
  const index = rungs.indexOf(rung);
  const lower = rungs.slice(index).find((name) => encoded.has(name));
  return lower ?? rungs.slice(1, index).findLast((name) => encoded.has(name)) ?? null;
}

/** What the newest row says of a transcoder. */
export function advance(promotion: Promotion, complete: boolean, wanted: boolean): Promotion {
  const inTime = complete ? promotion.inTime + 1 : 0;
  const live = wanted && complete && inTime >= ROWS_IN_TIME;
  const late = !complete && (promotion.live || promotion.late) ? true : promotion.late && !live;
  return { inTime, live, late };
}

/** State of a session as the operator reads it. */
export function sessionState(promotion: Promotion, connected: boolean): SessionReport['state'] {
  if (!connected) return 'Waiting';
  if (promotion.live) return 'Live';
  if (promotion.late) return 'Late';
  return promotion.inTime >= ROWS_IN_TIME ? 'Aligned' : 'Feeding';
}

/**
 * Decides, at its publication time, what each rung of an entry names. Rungs switch to the transcoder together, at the
 * third row in a row that was complete in time, and back to the source together as soon as one row is not.
 */
export function chooseRow(input: RowInput): Row {
  const { transcoder } = input;
  const complete =
    transcoder !== null && transcoder.rungs.length > 0 && transcoder.rungs.every((rung) => transcoder.stored.has(rung));
  const promotion = transcoder === null ? NO_PROMOTION : advance(input.promotion, complete, input.mode === 'Transcode');
  const encoded = new Set(transcoder?.rungs ?? []);
  const origins = Object.fromEntries(
    input.rungs.map((rung) => {
      const from = promotion.live && rung !== SOURCE ? encodedFor(rung, input.rungs, encoded) : null;
      return [rung, from === null || transcoder === null ? SOURCE : rungOrigin(from, transcoder.attempt)];
    }),
  );
  const { previous } = input;
  const joints =
    previous === null || input.discontinuity ? [] : input.rungs.filter((rung) => previous[rung] !== origins[rung]);
  const direct = input.mode === 'Direct' && joints.length === 0;
  const mode: Mode = promotion.live ? 'Transcode' : direct ? 'Direct' : 'Proxy';
  return { wait: !direct && !input.sourceStored, mode, origins, joints, promotion };
}
