import { describe, expect, test } from '@jest/globals';
import type { Mode } from '@sluice/common/link/mode.ts';
import fc from 'fast-check';
import { testRoute } from '../testing/route.ts';
import { isOwner, mayTranscode, publishingMode } from './mode.ts';
import { chooseRow, NO_PROMOTION, type Promotion, type Row, type RowInput, sessionState } from './row.ts';

const RUNGS = ['source', '720p', '480p', '360p'];

function input(changes: Partial<RowInput>): RowInput {
  return {
    mode: 'Transcode',
    rungs: RUNGS,
    sourceStored: true,
    discontinuity: false,
    previous: null,
    transcoder: { attempt: 1, rungs: ['720p', '480p', '360p'], stored: new Set(['720p', '480p', '360p']) },
    promotion: NO_PROMOTION,
    ...changes,
  };
}

/** Rows one after another; each step says whether all rungs were stored in time. */
function rows(steps: readonly boolean[], mode: Mode = 'Transcode'): Row[] {
  const result: Row[] = [];
  let promotion: Promotion = NO_PROMOTION;
  let previous: Row['origins'] | null = null;
  for (const complete of steps) {
    const stored = new Set(complete ? ['720p', '480p', '360p'] : ['720p']);
    const transcoder = { attempt: 1, rungs: ['720p', '480p', '360p'], stored };
    const row = chooseRow(input({ mode, transcoder, promotion, previous }));
    result.push(row);
    promotion = row.promotion;
    previous = row.origins;
  }
  return result;
}

describe('a row', () => {
  test('comes from the transcoder at the third in time, in all rungs but the source at once', () => {
    const [one, two, three, four] = rows([true, true, true, true]);
    expect([one?.mode, two?.mode, three?.mode]).toEqual(['Proxy', 'Proxy', 'Transcode']);
    expect(three?.origins).toEqual({ source: 'source', '720p': '720p.1', '480p': '480p.1', '360p': '360p.1' });
    expect(three?.joints).toEqual(['720p', '480p', '360p']);
    expect(four?.joints).toEqual([]);
  });

  test('goes back to the source when one is late, and needs three again', () => {
    const modes = rows([true, true, true, false, true, true, true]).map((row) => row.mode);
    expect(modes).toEqual(['Proxy', 'Proxy', 'Transcode', 'Proxy', 'Proxy', 'Proxy', 'Transcode']);
    const [, , , late] = rows([true, true, true, false]);
    expect(late?.joints).toEqual(['720p', '480p', '360p']);
    expect(sessionState(late?.promotion ?? NO_PROMOTION, true)).toBe('Late');
  });

  test('is never of the transcoder while Proxy is asked for', () => {
    expect(rows([true, true, true, true], 'Proxy').every((row) => row.mode === 'Proxy')).toBe(true);
    expect(sessionState(rows([true, true, true], 'Proxy').at(-1)?.promotion ?? NO_PROMOTION, true)).toBe('Aligned');
  });

  test('takes the next lower rung where one was dropped, and the next higher for the lowest', () => {
    const promotion = { inTime: 2, live: false, late: false };
    const without = (rungs: string[]) =>
      chooseRow(input({ promotion, transcoder: { attempt: 4, rungs, stored: new Set(rungs) } })).origins;
    expect(without(['480p', '360p'])).toMatchObject({ '720p': '480p.4', '480p': '480p.4', '360p': '360p.4' });
    expect(without(['720p'])).toMatchObject({ '720p': '720p.4', '480p': '720p.4', '360p': '720p.4' });
    expect(without([])).toMatchObject({ '720p': 'source', '480p': 'source' });
  });

  test('needs the stored source for one entry on its way from Transcode to Direct', () => {
    const previous = { source: 'source', '720p': '720p.1', '480p': '480p.1', '360p': '360p.1' };
    const first = chooseRow(input({ mode: 'Direct', previous, transcoder: null, sourceStored: false }));
    expect(first).toMatchObject({ wait: true, mode: 'Proxy' });
    const next = chooseRow(input({ mode: 'Direct', previous: first.origins, transcoder: null, sourceStored: false }));
    expect(next).toMatchObject({ wait: false, mode: 'Direct', joints: [] });
  });

  test('switches all rungs together, and only behind three complete rows', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (steps) => {
        rows(steps).forEach((row, index) => {
          const ladder = RUNGS.slice(1).map((rung) => row.origins[rung] === 'source');
          expect(new Set(ladder).size).toBe(1);
          const three = steps.slice(Math.max(0, index - 2), index + 1);
          expect(row.mode === 'Transcode').toBe(three.length === 3 && three.every(Boolean));
        });
      }),
    );
  });
});

describe('the publishing mode', () => {
  const session = { name: 's', uid: 's', tokenSha256: '0'.repeat(64), rungs: ['360p'] };
  const obstacle = { reason: 'x', message: 'x' };

  test.each([
    { name: 'an idle channel that is wanted', route: {}, direct: null, transcode: null, mode: 'Direct' },
    { name: 'one whose source viewers cannot reach', route: {}, direct: obstacle, transcode: null, mode: 'Proxy' },
    {
      name: 'one that is never below Proxy',
      route: { minimumMode: 'Proxy' as const },
      direct: null,
      transcode: null,
      mode: 'Proxy',
    },
    {
      name: 'Transcode without a session',
      route: { mode: 'Transcode' as const },
      direct: null,
      transcode: null,
      mode: 'Proxy',
    },
    {
      name: 'Transcode with one',
      route: { mode: 'Transcode' as const, session },
      direct: null,
      transcode: null,
      mode: 'Transcode',
    },
    {
      name: 'Transcode that is impossible',
      route: { mode: 'Transcode' as const, session },
      direct: null,
      transcode: obstacle,
      mode: 'Proxy',
    },
    {
      name: 'Direct that is impossible',
      route: { mode: 'Direct' as const },
      direct: obstacle,
      transcode: null,
      mode: 'Proxy',
    },
  ])('of $name is $mode', ({ route, direct, transcode, mode }) => {
    expect(publishingMode(testRoute('http://s/', route), { direct, transcode })).toBe(mode);
  });

  test('may become Transcode only with a ladder, the permission and a fitting source', () => {
    const free = { direct: null, transcode: null };
    expect(mayTranscode(testRoute('http://s/'), free)).toBe(true);
    expect(mayTranscode(testRoute('http://s/', { maximumMode: 'Proxy' }), free)).toBe(false);
    expect(mayTranscode(testRoute('http://s/', { ladder: [] }), free)).toBe(false);
    expect(mayTranscode(testRoute('http://s/'), { ...free, transcode: obstacle })).toBe(false);
  });

  test('is the business of the first owner', () => {
    const owners = ['a', 'b'].map((podUid) => ({ podName: podUid, podUid, address: '10.0.0.1:8081' }));
    expect(isOwner(testRoute('http://s/', { owners }), 'a')).toBe(true);
    expect(isOwner(testRoute('http://s/', { owners }), 'b')).toBe(false);
    expect(isOwner(testRoute('http://s/'), 'b')).toBe(true);
  });
});
