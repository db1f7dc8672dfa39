import { z } from 'zod';
import { sidOf } from './cmcd.ts';
import { isSessionId } from './session-id.ts';

/** A page reports one session; a collector that passes reports on sends many. Further ones of a body are not looked at. */
const MAX_SESSIONS = 200;
/** States of a player (`sta`) in which nobody watches: ended, fatal error, quit. */
const OVER = new Set(['e', 'f', 'q']);
/** Loads what may be played later. */
const PRELOADING = 'd';

/** `sta` is a token, CTA-5004-A; drafts had it in quotes. */
const STATE_MEMBER = /(?:^|,)\s*sta="?([a-z])"?(?=,|$)/;

const jsonReportSchema = z.object({ sid: z.string().optional(), sta: z.string().optional() });

/** What a body of event reports says of one session: it lives, or it is over. */
export interface CmcdSign {
  readonly sessionId: string;
  readonly isOver: boolean;
}

/**
 * Reads the event reports of Common Media Client Data version 2 (CTA-5004-A, event mode): one report per line, each a
 * comma list with `sid` and `sta`; or JSON, one object, an array of them, or one per line. The last report of a session
 * counts. Reports without a usable `sid`, of players that only load ahead, and what cannot be read are left out.
 */
export function cmcdSigns(body: string): readonly CmcdSign[] {
  const signs = new Map<string, CmcdSign>();
  for (const { sid, sta } of reportsOf(body)) {
    if (sid === undefined || !isSessionId(sid) || sta === PRELOADING) continue;
    if (!signs.has(sid) && signs.size >= MAX_SESSIONS) continue;
    signs.set(sid, { sessionId: sid, isOver: sta !== undefined && OVER.has(sta) });
  }
  return [...signs.values()];
}

interface Report {
  readonly sid?: string | undefined;
  readonly sta?: string | undefined;
}

function reportsOf(body: string): readonly Report[] {
  const text = body.trim();
  if (text.startsWith('[')) return jsonReports(text);
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? jsonReports(line) : [textReport(line.trim())]));
}

function textReport(line: string): Report {
  return { sid: sidOf(line) ?? undefined, sta: STATE_MEMBER.exec(line)?.[1] };
}

function jsonReports(text: string): readonly Report[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  return [value].flat().flatMap((one) => {
    const parsed = jsonReportSchema.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  });
}
