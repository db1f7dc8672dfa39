import { expect, test } from '@jest/globals';
import { spoiled } from '@sluice/common/corpus/mutations.testing.ts';
import { agentReportSchema } from '@sluice/common/work/contract.ts';
import fc from 'fast-check';
import { cmcdSessionId } from '../viewers/cmcd.ts';
import { cmcdSigns } from '../viewers/cmcd-events.ts';
import { isSessionId } from '../viewers/session-id.ts';
import { readHeartbeat, readLeave } from './bodies.ts';

/** What viewers send: heartbeats, goodbyes, reports of players, in both of their shapes. */
const corpus: ReadonlyMap<string, Buffer> = new Map(
  [
    '{"channelId":"sport/film","sessionId":"anna","sourceError":"HTTP 404"}',
    '{"channelId":"film","sessionId":"anna"}',
    'sid="anna",sta=p,e=ps,ts=1700000000000,v=2\nsid="berta",sta=e,e=ps',
    '[{"sid":"anna","sta":"p","v":2},{"sid":"berta","sta":"e"}]',
    'bl=3000,cid="film",mtp=25400,ot=v,sf=h,sid="6e2fb550-c457-11e9-bb97-0800200c9a66",st=l,v=1',
  ].map((text, index) => [String(index), Buffer.from(text)]),
);

/** Bytes after which another member has begun, more or less. */
const MEMBER_BYTES = 12;

test('of whatever body nothing but BODY_INVALID is thrown, and only ids are taken for ids', () => {
  fc.assert(
    fc.property(spoiled(corpus, MEMBER_BYTES), (bytes) => {
      const text = bytes.toString();
      for (const read of [readHeartbeat, readLeave]) {
        for (const body of [text, jsonOf(text)]) {
          try {
            const { channelId, sessionId } = read(body);
            expect([isSessionId(sessionId), /^[a-z0-9.-]+\/[a-z0-9.-]+$/.test(channelId)]).toEqual([true, true]);
          } catch (error) {
            expect(error).toMatchObject({ name: 'SluiceError', code: 'BODY_INVALID', status: 400 });
          }
        }
      }
      for (const { sessionId } of cmcdSigns(text)) expect(isSessionId(sessionId)).toBe(true);
    }),
  );
});

test('of whatever CMCD a session id is taken, or none', () => {
  fc.assert(
    fc.property(spoiled(corpus, MEMBER_BYTES), (bytes) => {
      const text = bytes.toString();
      for (const id of [cmcdSessionId(new URLSearchParams({ CMCD: text }), undefined), cmcdSessionId(null, text)]) {
        if (id !== null) expect(isSessionId(id)).toBe(true);
      }
    }),
  );
});

test('of whatever an agent reports, what goes on has a bound', () => {
  const report = { state: 'Encoding', encoder: 'libx264', speed: 1, outTimeSeconds: 2, fedMsn: 3, droppedRungs: ['a'] };
  const whole = { ...report, cpuPercent: 1, memoryBytes: 2, message: 'fine' };
  const text = new Map([['report', Buffer.from(JSON.stringify(whole))]]);
  expect(agentReportSchema.parse(whole)).toMatchObject(whole);
  fc.assert(
    fc.property(spoiled(text, MEMBER_BYTES), fc.integer({ min: 1, max: 5_000 }), (bytes, times) => {
      const value = jsonOf(bytes.toString());
      const parsed = agentReportSchema.safeParse(
        typeof value === 'object' && value !== null ? { ...value, message: 'x'.repeat(times) } : value,
      );
      if (parsed.success) expect(JSON.stringify(parsed.data).length).toBeLessThan(10_000);
    }),
  );
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
