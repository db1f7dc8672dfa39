import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { routeOf } from '../testing/channels.ts';
import { Admissions } from './admissions.ts';
import { Audiences } from './audiences.ts';
import { sessionIdHash } from './session-id.ts';

const ROUTE = routeOf({ maxViewers: 2 });
const REFUSAL = expect.objectContaining({ code: 'STREAM_LIMIT_EXCEEDED', status: 429, retryAfterSeconds: 10 });

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function create() {
  const audiences = new Audiences({
    now: () => Date.now(),
    targetDurationSeconds: () => 2,
    wholeCount: () => 2,
    mintedAgeMs: (_key, id) => (id.startsWith('minted') ? 5_000 : null),
    isServed: () => true,
  });
  const admissions = new Admissions(audiences);
  const sent: EdgeMessage[] = [];
  const answer = (lists: { admitted?: string[]; refused?: string[]; undecided?: string[] }): void => {
    const { admitted = [], refused = [], undecided = [] } = lists;
    const hashes = (ids: string[]) => ids.map(sessionIdHash);
    admissions.answered({
      ...{ type: 'admission', uid: 'uid-film', admitted: hashes(admitted) },
      ...{ refused: hashes(refused), undecided: hashes(undecided) },
    });
  };
  const connect = () => admissions.connect({ send: (message) => sent.push(message) });
  return { audiences, admissions, sent, answer, connect };
}

const question = (...ids: string[]) => ({
  ...{ type: 'admit', uid: 'uid-film', ids: ids.map(sessionIdHash) },
  ...{ holdSeconds: 13, provisional: false, letIn: false },
});
const look = (...ids: string[]) => ({ ...question(...ids), holdSeconds: 0.25, provisional: true });

describe('Admissions', () => {
  test('asks once for each new viewer, the first at once and others in bundles, and heeds the answer', async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    connect();
    const asked = ['anna', 'bert', 'carl', 'bert'].map((id) => admissions.ask(ROUTE, id, 'watch'));
    jest.advanceTimersByTime(10);
    expect(sent).toEqual([question('anna'), question('bert', 'carl')]);
    answer({ admitted: ['anna', 'bert'], refused: ['carl'] });
    await expect(Promise.all([asked[0], asked[1], asked[3]])).resolves.toEqual([true, true, true]);
    await expect(asked[2]).rejects.toEqual(REFUSAL);
    // Also where the counts that this edge knows say that the channel is full: the operator has kept a seat.
    expect(audiences.playlistRequest(ROUTE, 'anna')).toBe('counted');
    expect(() => audiences.admit(ROUTE, 'carl')).toThrow(REFUSAL);
  });

  test('asks for nobody who is counted or was let in a moment ago, and not where there is no limit', async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    connect();
    const asked = admissions.ask(ROUTE, 'anna', 'watch');
    answer({ admitted: ['anna'] });
    await asked;
    await admissions.ask(ROUTE, 'anna', 'watch');
    audiences.playlistRequest(routeOf(), 'bert');
    await admissions.ask(ROUTE, 'bert', 'watch');
    await admissions.ask(routeOf(), 'carl', 'watch');
    expect(sent).toEqual([question('anna')]);
  });

  test('looks for a seat for a short time, and takes one with the first sign of life', async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    connect();
    const looked = admissions.ask(ROUTE, 'anna', 'look');
    const watched = admissions.ask(ROUTE, 'anna', 'watch');
    expect(sent).toEqual([look('anna')]);
    answer({ admitted: ['anna'] });
    await expect(looked).resolves.toBe(true);
    expect(audiences.isIn(ROUTE, 'anna')).toBe(false);
    jest.advanceTimersByTime(10);
    expect(sent).toEqual([look('anna'), question('anna')]);
    answer({ admitted: ['anna'] });
    await expect(watched).resolves.toBe(true);
    expect(audiences.isIn(ROUTE, 'anna')).toBe(true);
    const late = [admissions.ask(ROUTE, 'bert', 'look'), admissions.ask(ROUTE, 'bert', 'watch')];
    jest.advanceTimersByTime(10);
    answer({ refused: ['bert'] });
    for (const one of late) await expect(one).rejects.toEqual(REFUSAL);
  });

  test('asks again for who said goodbye at another edge since it was let in', async () => {
    const { admissions, audiences, answer, connect } = create();
    connect();
    const asked = admissions.ask(ROUTE, 'anna', 'watch');
    answer({ admitted: ['anna'] });
    await asked;
    jest.advanceTimersByTime(500);
    audiences.leftElsewhere('uid-film', [sessionIdHash('anna')], 1);
    expect(audiences.isIn(ROUTE, 'anna')).toBe(true);
    audiences.leftElsewhere('uid-film', [sessionIdHash('anna')], 0.2);
    expect(audiences.isIn(ROUTE, 'anna')).toBe(false);
  });

  test('asks for nobody who has said goodbye before the question is sent, and lets nobody in who has before the answer', async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    connect();
    const asked = ['anna', 'bert', 'carl'].map((id) => admissions.ask(ROUTE, id, 'watch'));
    for (const id of ['anna', 'bert']) audiences.leave(ROUTE, id);
    jest.advanceTimersByTime(10);
    expect(sent).toEqual([question('anna'), question('carl')]);
    answer({ admitted: ['anna', 'carl'] });
    await expect(Promise.all(asked)).resolves.toEqual([false, false, true]);
    expect(['anna', 'bert', 'carl'].map((id) => audiences.isIn(ROUTE, id))).toEqual([false, false, true]);
  });

  test('tells the next operator of nobody whose time is over, however long others have', async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    connect();
    audiences.playlistRequest(ROUTE, 'zoe');
    const asked = admissions.ask(ROUTE, 'anna', 'watch');
    answer({ admitted: ['anna'] });
    await asked;
    jest.advanceTimersByTime(9_999);
    connect();
    jest.advanceTimersByTime(1);
    connect();
    expect(sent).toEqual([question('anna'), { ...question('anna'), letIn: true }]);
  });

  test('tells the next operator of those who are in and not counted yet, so that their seats are kept', async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    connect();
    const asked = [admissions.ask(ROUTE, 'anna', 'watch'), admissions.ask(ROUTE, 'bert', 'watch')];
    jest.advanceTimersByTime(10);
    answer({ admitted: ['anna', 'bert'] });
    await Promise.all(asked);
    expect(audiences.playlistRequest(ROUTE, 'anna')).toBe('counted');
    sent.length = 0;
    connect();
    expect(sent).toEqual([{ ...question('bert'), letIn: true }]);
  });

  test("asks again for who said goodbye: the seat may be somebody else's by now", async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    connect();
    const asked = admissions.ask(ROUTE, 'anna', 'watch');
    answer({ admitted: ['anna'] });
    await asked;
    audiences.playlistRequest(ROUTE, 'anna');
    audiences.leave(ROUTE, 'anna');
    const again = admissions.ask(ROUTE, 'anna', 'watch');
    jest.advanceTimersByTime(10);
    answer({ refused: ['anna'] });
    await expect(again).rejects.toEqual(REFUSAL);
    expect(sent).toEqual([question('anna'), question('anna')]);
  });

  test('leaves it to the counts of the edge where the operator is away, is too old to answer, or does not know', async () => {
    const { admissions, audiences, sent, answer, connect } = create();
    await admissions.ask(ROUTE, 'anna', 'watch');
    connect();
    const unanswered = admissions.ask(ROUTE, 'anna', 'watch');
    jest.advanceTimersByTime(1_000);
    await unanswered;
    await admissions.ask(ROUTE, 'bert', 'watch');
    expect(sent).toHaveLength(1);
    connect();
    const undecided = admissions.ask(ROUTE, 'anna', 'watch');
    answer({ undecided: ['anna'] });
    await undecided;
    const cut = admissions.ask(ROUTE, 'carl', 'watch');
    admissions.disconnect();
    await cut;
    expect(() => audiences.admit(ROUTE, 'anna')).toThrow(REFUSAL);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('asks again a while after a question that was not answered', async () => {
    const { admissions, sent, answer, connect } = create();
    connect();
    const unanswered = admissions.ask(ROUTE, 'anna', 'watch');
    jest.advanceTimersByTime(1_000);
    await unanswered;
    jest.advanceTimersByTime(5_000);
    const asked = admissions.ask(ROUTE, 'bert', 'watch');
    answer({ refused: ['bert'] });
    await expect(asked).rejects.toEqual(REFUSAL);
    expect(sent).toEqual([question('anna'), question('bert')]);
    admissions.disconnect();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('never turns a viewer away whom an edge let in when it minted the id, where nobody can be asked', async () => {
    const { admissions, audiences } = create();
    await admissions.ask(ROUTE, 'minted-1', 'watch');
    expect(audiences.playlistRequest(ROUTE, 'minted-1')).toBe('counted');
  });
});
