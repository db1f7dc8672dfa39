import { append, newLog, nextMsn, type TimelineLog } from '../timeline/log.ts';

/** A timeline of one rung with a target duration of 2 s that lists nothing yet; its first number is 1. */
export function emptyLog(): TimelineLog {
  return newLog({
    ...{ epoch: 1, targetDurationSeconds: 2, rungs: ['source'], firstMsn: 1, discontinuityBase: 0 },
    numbers: { msnOffset: 0, discontinuityOffset: 0 },
  });
}

/** The log with one more segment of 2 s. @param name of its file */
export function longerLog(log: TimelineLog, name = `s/u.1/source/${nextMsn(log)}.0.ts`): TimelineLog {
  const entry = { epoch: 1, durationSeconds: 2, dateTime: null, discontinuity: false, gap: false, map: null };
  return append(log, { ...entry, msn: nextMsn(log), names: { source: name } });
}
