import { describe, expect, test } from '@jest/globals';
import type { ChannelStatus } from '@sluice/crds';
import { channelFixture } from '../testing/fixtures.ts';
import { buildSession } from './build/session.ts';
import { removalOf } from './leftovers.ts';
import { type PlannedWrites, settleSeconds, urgencyOf, waitSeconds } from './status-gate.ts';

const STATUS: ChannelStatus = {
  mode: 'Proxy',
  desiredMode: 'Proxy',
  viewers: { count: 100, peak: 120, state: 'Known' },
  lastMsn: 10,
};

function withCount(count: number): ChannelStatus {
  return { ...STATUS, viewers: { count, peak: 120, state: 'Known' } };
}

describe('the status of a channel', () => {
  const cases: readonly [string, ChannelStatus, ReturnType<typeof urgencyOf>][] = [
    ['is not written if nothing changed', { ...STATUS }, 'never'],
    ['is written at once when the mode changes', { ...STATUS, mode: 'Transcode' }, 'now'],
    ['can wait when the count changes by less than a tenth', withCount(109), 'later'],
    ['is written soon when the count grows by a tenth', withCount(110), 'soon'],
    ['is written soon when the count falls by a tenth', withCount(90), 'soon'],
    ['can wait when only the position moves', { ...STATUS, lastMsn: 11 }, 'later'],
    ['can wait when a window opens', { ...STATUS, pendingTransition: { target: 'Direct', since: '' } }, 'later'],
  ];
  test.each(cases)('%s', (_name, next, urgency) => {
    expect(urgencyOf(next, STATUS)).toBe(urgency);
  });

  test('is written at once for the first time and soon with the first viewer', () => {
    expect(urgencyOf(STATUS, undefined)).toBe('now');
    expect(urgencyOf(withCount(1), withCount(0))).toBe('soon');
  });

  const session = buildSession(channelFixture(), 'film-1', []);
  const made = { ...session, metadata: { ...session.metadata, uid: 's1' } };
  const nothing: PlannedWrites = {
    ...{ made: new Map(), removed: new Map(), wanted: STATUS, written: STATUS },
    ...{ writtenMs: 0, isWriting: false },
  };
  const waits: readonly [string, PlannedWrites, number | null][] = [
    ['needs no look of the writer where nothing changed', nothing, null],
    ['needs one where another is being written', { ...nothing, isWriting: true }, 0.2],
    ['waits a moment for what follows a change', { ...nothing, wanted: { ...STATUS, mode: 'Idle' } }, 0.2],
    ['waits for its time with a count that hardly changed', { ...nothing, wanted: withCount(101) }, 10],
    ['is written at once where there is none', { ...nothing, written: undefined }, 0],
    ['holds up no session that is to be made', { ...nothing, made: new Map([['film-1', session]]) }, 0],
    ['waits again once the session is made', { ...nothing, made: new Map([['film-1', made]]) }, 0.2],
    ['holds up no deletion', { ...nothing, removed: new Map([['s1', removalOf(made)]]) }, 0],
    [
      'waits again after a deletion',
      { ...nothing, removed: new Map([['s1', { ...removalOf(made), deletedAtMs: 1 }]]) },
      0.2,
    ],
  ];
  test.each(waits)('%s', (_name, state, seconds) => {
    expect(settleSeconds(state, 5_000, () => true)).toBe(seconds);
  });

  test('is not looked at before its turn where it can wait', () => {
    const asked: string[] = [];
    const reserve = (claim: string) => asked.push(claim) === 0;
    expect(settleSeconds({ ...nothing, wanted: withCount(110) }, 5_000, reserve)).toBeNull();
    expect(settleSeconds({ ...nothing, wanted: { ...STATUS, mode: 'Transcode' } }, 5_000, reserve)).toBe(0.2);
    expect(asked).toEqual(['count']);
  });

  test('shows counts that are at most 15 seconds old', () => {
    expect(waitSeconds('later', 0, 5_000)).toBe(10);
    expect(waitSeconds('later', 0, 20_000)).toBe(0);
    expect(waitSeconds('now', 0, 1)).toBe(0);
    expect(waitSeconds('soon', 0, 1)).toBe(0);
    expect(waitSeconds('never', 0, 99_000)).toBeNull();
  });
});
