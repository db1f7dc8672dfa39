import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cmcdSigns } from './cmcd-events.ts';

const alive = (sessionId: string) => ({ sessionId, isOver: false });
const over = (sessionId: string) => ({ sessionId, isOver: true });

describe('cmcdSigns', () => {
  test.each([
    ['a report at an interval', 'e=t,sid="anna",sta=p,ts=1764000000000,v=2\n', [alive('anna')]],
    ['no state', 'e=rr,sid="anna",ts=1764000000000,url="https://x.test/a,b",v=2', [alive('anna')]],
    ['the end of the film', 'e=ps,sid="anna",sta=e,ts=1,v=2', [over('anna')]],
    ['a fatal error', 'e=ps,sta=f,sid="anna"', [over('anna')]],
    ['a viewer who quits, in quotes', 'e=ps,sta="q",sid="anna"', [over('anna')]],
    ['a pause, in which somebody still watches', 'e=ps,sid="anna",sta=a', [alive('anna')]],
    ['a player that loads ahead', 'e=ps,sid="anna",sta=d', []],
    [
      'several reports, of which the last counts',
      'sid="anna",sta=p\nsid="bert",sta=p\nsid="anna",sta=q\n',
      [over('anna'), alive('bert')],
    ],
    ['JSON', '{"e":"t","sid":"anna","sta":"p"}', [alive('anna')]],
    ['an array in JSON', '[{"sid":"anna","sta":"q"},{"sid":"bert"},7]', [over('anna'), alive('bert')]],
    ['JSON lines', '{"sid":"anna"}\n{"sid":"bert","sta":"e"}\n{broken', [alive('anna'), over('bert')]],
    ['no session', 'e=t,sta=p,v=2', []],
    ['a session that may not be one', 'sid="a b"', []],
    ['nothing', '', []],
  ])('reads %s', (_what, body, expected) => {
    expect(cmcdSigns(body)).toEqual(expected);
  });

  test('looks at 200 sessions of one body at most', () => {
    expect(cmcdSigns(Array.from({ length: 300 }, (_, index) => `sid="s${index}"`).join('\n'))).toHaveLength(200);
  });

  test('never throws, whatever it is sent', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => Array.isArray(cmcdSigns(body))));
  });
});
