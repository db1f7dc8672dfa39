import { describe, expect, test } from '@jest/globals';
import { PARTS, readBenchArguments } from './arguments.ts';

const EDGE_PARTS = ['wait', 'soak'];

describe('the arguments of the bench', () => {
  test('ask for everything where they name nothing', () => {
    const all = { help: false, parts: PARTS, edgeParts: EDGE_PARTS, channels: null };
    expect(readBenchArguments([], EDGE_PARTS)).toEqual(all);
  });

  test('name parts in any order, and numbers of Channels', () => {
    const read = readBenchArguments(['route', 'operator', '--channels', '100,1000'], EDGE_PARTS);
    expect(read).toEqual({ help: false, parts: ['operator', 'route'], edgeParts: [], channels: [100, 1000] });
  });

  test('name all of the edge, or something of it', () => {
    expect(readBenchArguments(['edge'], EDGE_PARTS)).toMatchObject({ parts: ['edge'], edgeParts: EDGE_PARTS });
    expect(readBenchArguments(['edge:soak'], EDGE_PARTS)).toMatchObject({ parts: [], edgeParts: ['soak'] });
  });

  const refused: readonly [string, readonly string[], string][] = [
    [
      'a part that there is not',
      ['operators'],
      'no such part: operators; there are edge, counting, events, rollout, operator, proxy',
    ],
    ['a part of the edge that there is not', ['edge:rest'], 'no such part: edge:rest'],
    ['a number that is none', ['operator', '--channels', 'many'], '--channels: many is no number from 5 to 20000'],
    ['too many Channels', ['operator', '--channels=100,20001'], '20001 is no number'],
    ['an option that there is not', ['--channel', '100'], "Unknown option '--channel'"],
  ];
  test.each(refused)('are refused with %s', (_name, words, message) => {
    expect(() => readBenchArguments(words, EDGE_PARTS)).toThrow(message);
  });
});
