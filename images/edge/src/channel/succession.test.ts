import { describe, expect, test } from '@jest/globals';
import type { OwnersAnswer, OwnershipClient } from '../replication/ownership.ts';
import { testRoute } from '../testing/route.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { newLog } from '../timeline/log.ts';
import { Negotiation } from './negotiation.ts';
import { goesBefore, longestCopy, type Ownership, takenOver } from './succession.ts';

const OWNERS = ['a', 'b', 'c'].map((podUid) => ({
  podName: podUid,
  podUid,
  address: `10.0.0.1:${podUid.charCodeAt(0)}`,
}));
const [A, B, C] = OWNERS as [(typeof OWNERS)[0], (typeof OWNERS)[0], (typeof OWNERS)[0]];

function copyUpTo(firstMsn: number) {
  const numbers = { msnOffset: 0, discontinuityOffset: 0 };
  const log = newLog({
    epoch: 1,
    targetDurationSeconds: 2,
    rungs: ['source'],
    firstMsn,
    discontinuityBase: 0,
    numbers,
  });
  return { log, known: [] };
}

describe('who follows an owner that is away', () => {
  test.each([
    ['b', 16, { owners: [B, C, A], term: 17 }],
    ['c', 16, { owners: [C, B, A], term: 18 }],
    ['a', 16, null],
    ['elsewhere', 16, null],
    // The next term is the operator's to give.
    ['b', 31, null],
    ['c', 30, null],
  ])('%s at term %d', (podUid, ownerTerm, expected) => {
    expect(takenOver({ owners: OWNERS, ownerTerm }, podUid)).toEqual(expected);
  });

  test.each([
    ['a higher term goes before', { owners: [C], term: 18 }, { owners: [A], term: 17 }, true],
    ['a lower one does not', { owners: [A], term: 16 }, { owners: [C], term: 17 }, false],
    ['of equal terms the lower pod uid goes before', { owners: [A, C], term: 19 }, { owners: [B, C], term: 19 }, true],
    ['the higher one does not', { owners: [B, C], term: 19 }, { owners: [A, C], term: 19 }, false],
    ['the same owner is no news', { owners: [A, B], term: 19 }, { owners: [A, C], term: 19 }, false],
    ['nobody is nobody', { owners: [], term: 19 }, { owners: [A], term: 19 }, false],
  ])('%s', (_name, word, known, expected) => {
    expect(goesBefore(word, known)).toBe(expected);
  });

  test('has the longest copy that can be had', () => {
    const [short, long] = [copyUpTo(3), copyUpTo(9)];
    expect(longestCopy([null, short, long, null])).toBe(long);
    expect(longestCopy([null])).toBeNull();
  });
});

/** A negotiation of pod `self` with others whose answers a test gives; null: cannot be reached. */
function stage(self: string, answers: Record<string, Partial<OwnersAnswer> | null>) {
  const clock = new VirtualClock(0, async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  });
  const told: string[] = [];
  const superseded: Ownership[] = [];
  const client: OwnershipClient = {
    tell: async ({ podUid }, _uid, { owners, term, away, cutOff }) => {
      told.push(`${podUid} ${term}${away ? ' away' : ''}${cutOff ? ' cut off' : ''}`);
      const answer = answers[podUid] ?? null;
      if (answer === null) throw new Error('away');
      return { owners, term, copy: null, hearsOwner: false, ...answer };
    },
    close: async () => {},
  };
  const negotiation = new Negotiation({
    podUid: self,
    client,
    clock,
    superseded: (_uid, ownership) => void superseded.push(ownership),
  });
  return { clock, told, superseded, answers, client, negotiation };
}

const HEARS = { hearsOwner: true };
const ROUTE = testRoute('http://source.test/x.m3u8', { owners: OWNERS, ownerTerm: 16 });

describe('a negotiation', () => {
  test('of a new owner tells the one before and the successors, each once', async () => {
    const { negotiation, told, superseded } = stage('b', { a: {}, c: {} });
    expect(await negotiation.claim({ ...ROUTE, owners: [B, C, A], ownerTerm: 32 }, A)).toEqual({
      copy: null,
      answered: [A, C],
    });
    expect(told.sort()).toEqual(['a 32', 'c 32']);
    expect(superseded).toEqual([]);
  });

  test('of a new owner names only those who answered as edges to fetch from', async () => {
    const { negotiation } = stage('b', { a: null, c: {} });
    const claimed = await negotiation.claim({ ...ROUTE, owners: [B, C, A], ownerTerm: 17 }, A);
    expect(claimed?.answered).toEqual([C]);
    negotiation.close();
  });

  test('of a new owner ends where another edge knows a higher term', async () => {
    const { negotiation, superseded } = stage('a', { b: { term: 17, owners: [B, C, A] }, c: null });
    expect(await negotiation.claim(ROUTE, null)).toBeNull();
    expect(superseded).toMatchObject([{ term: 17, owners: [B, C, A] }]);
  });

  test.each([
    ['ends where another owner of the same term goes before', 'b', { term: 19, owners: [A, C] }, [19]],
    ['goes on where its own word does', 'a', { term: 19, owners: [B, C] }, []],
  ])('of a new owner %s', async (_name, self, answer, terms) => {
    const { negotiation, superseded } = stage(self, { a: null, b: null, c: answer });
    const own = self === 'a' ? [A, C] : [B, C];
    const claimed = await negotiation.claim({ ...ROUTE, owners: own, ownerTerm: 19 }, null);
    expect(claimed === null).toBe(terms.length > 0);
    expect(superseded.map(({ term }) => term)).toEqual(terms);
    negotiation.close();
  });

  test('of a new owner waits for none that is away, nor long for others, and hears what they say later', async () => {
    const { negotiation, superseded, client, clock } = stage('b', {});
    const never = Promise.withResolvers<never>();
    client.tell = (_to, _uid, _claim, begun) => {
      begun?.();
      return never.promise;
    };
    const claim = negotiation.claim({ ...ROUTE, owners: [B, C, A], ownerTerm: 17 }, A, true);
    await clock.advance(300);
    expect(await claim).toEqual({ copy: null, answered: [] });
    expect(superseded).toEqual([]);
    negotiation.close();
    expect(clock.size).toBe(0);
  });

  test('of a new owner gives those who are there their time from their turn on, and has their copies', async () => {
    const { negotiation, client, clock } = stage('b', {});
    const { entries, ...head } = copyUpTo(9).log;
    client.tell = async ({ podUid }, _uid, { owners, term }, begun) => {
      if (podUid === 'a') return new Promise<never>(() => {});
      // As many channels ask before this one.
      await new Promise<void>((resolve) => void clock.after(900, resolve));
      begun?.();
      await new Promise<void>((resolve) => void clock.after(200, resolve));
      const copy = { head, entries, known: [], underWay: null, newestInMs: null };
      return { owners, term, hearsOwner: false, copy: JSON.parse(JSON.stringify(copy)) };
    };
    const claim = negotiation.claim({ ...ROUTE, owners: [B, C, A], ownerTerm: 17 }, A, true);
    await clock.advance(1_100);
    expect(await claim).toMatchObject({ copy: { known: [] }, answered: [C] });
    negotiation.close();
    expect(clock.size).toBe(0);
  });

  test('goes on until an owner that was cut off has heard of it, and can be asked for files from then on', async () => {
    const { negotiation, told, answers, clock } = stage('b', { a: null, c: {} });
    const claimed = await negotiation.claim({ ...ROUTE, owners: [B, C, A], ownerTerm: 17 }, A);
    await clock.advance(16_000);
    expect(told.filter((line) => line === 'a 17')).toHaveLength(5);
    expect(claimed?.answered).toEqual([C]);
    answers.a = {};
    await clock.advance(60_000);
    expect(told.filter((line) => line === 'a 17')).toHaveLength(6);
    expect(told.filter((line) => line === 'c 17')).toHaveLength(1);
    // It has the files of what it has listed.
    expect(claimed?.answered).toEqual([C, A]);
    expect(clock.size).toBe(0);
  });

  test.each([
    ['the first successor takes over where the channel is needed', 'b', false, true, {}, ['c 16 cut off'], 17],
    ['the first takes over where no other edge answers', 'b', false, true, { c: null }, ['c 16 cut off'], 17],
    ['the first leaves an owner that another edge hears', 'b', true, true, { c: HEARS }, ['c 16 cut off'], null],
    ['the first hears of one who took over', 'b', true, true, { c: { term: 18 } }, ['c 16 cut off'], 18],
    ['the first successor leaves alone what nobody needs', 'b', false, false, {}, [], null],
    ['the second asks the first', 'c', true, true, { b: { term: 17 } }, ['b 16 away'], 17],
    ['the second takes over where the first is away too', 'c', true, true, { b: null }, ['b 16 away'], 18],
    ['nobody takes over where a successor reaches the owner', 'c', true, true, { b: {} }, ['b 16 away'], null],
    [
      'an edge that is no successor asks one after the other',
      'd',
      true,
      true,
      { b: null, c: { term: 18 } },
      ['b 16 away', 'c 16 away'],
      18,
    ],
    ['an edge where nobody watches leaves it to others', 'd', false, true, { b: { term: 17 } }, [], null],
  ] as const)('%s', async (_name, self, watched, needed, answers, told, term) => {
    const { negotiation, told: asked, superseded } = stage(self, answers);
    await negotiation.ownerAway(ROUTE, watched, needed);
    expect(asked).toEqual(told);
    expect(superseded.map((one) => one.term)).toEqual(term === null ? [] : [term]);
  });

  test.each([
    ['b', false, [17]],
    ['b', true, []],
    ['c', false, [18]],
    ['c', true, []],
  ])('of %s that goes on by way of another edge (%s) waits for a late answer', async (self, goesOn, terms) => {
    const { negotiation, superseded, client, clock } = stage(self, {});
    client.tell = async (_to, _uid, { owners, term }, begun) => {
      begun?.();
      await new Promise<void>((resolve) => void clock.after(1_000, resolve));
      return { owners, term, copy: null, hearsOwner: true };
    };
    const heard = negotiation.ownerAway(ROUTE, true, true, goesOn);
    await clock.advance(1_000);
    expect((await heard) !== null).toBe(goesOn);
    expect(superseded.map(({ term }) => term)).toEqual(terms);
  });

  test.each([
    ['the copy of an edge that hears the owner, and the edge', { b: HEARS }, { copy: null, from: B }],
    ['nothing of one that does not', { b: {} }, null],
    ['nothing of one whose owner is another', { b: { ...HEARS, term: 15 } }, null],
  ])('resolves with %s', async (_name, answers, expected) => {
    const { negotiation } = stage('c', answers);
    expect(await negotiation.ownerAway(ROUTE, true, true)).toEqual(expected);
  });
});
