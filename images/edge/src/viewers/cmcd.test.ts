import { describe, expect, test } from '@jest/globals';
import { cmcdSessionId } from './cmcd.ts';

const SID = '6e2fb550-c457-11e9-bb97-0800200c9a66';

describe('cmcdSessionId', () => {
  // The examples of CTA-5004 3.
  test.each([
    [`br=3200,bs,d=4004,mtp=25400,sid="${SID}"`, SID],
    [`sid="${SID}"`, SID],
    [`cid="xyz",sid="${SID}",sf=h,st=l`, SID],
    ['bs,su', null],
    ['sid=unquoted', null],
    ['xsid="no"', null],
    [`sid="${'x'.repeat(65)}"`, null],
    ['sid="a b"', null],
    ['sid="', null],
  ])('finds in the query %s: %s', (text, expected) => {
    expect(cmcdSessionId(new URLSearchParams({ CMCD: text }), undefined)).toBe(expected);
  });

  test('looks into the header where the query has none', () => {
    expect(cmcdSessionId(null, `sf=h,sid="${SID}"`)).toBe(SID);
    expect(cmcdSessionId(new URLSearchParams('a=b'), [`sid="${SID}"`])).toBe(SID);
    expect(cmcdSessionId(null, undefined)).toBeNull();
  });
});
