import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseTrace, replay } from './replay.ts';

function modesOf(text: string): readonly string[] {
  const changes: string[] = [];
  for (const { timeMs, decision } of replay(parseTrace(text))) {
    if (changes.at(-1)?.endsWith(decision.mode) !== true) changes.push(`${timeMs / 1000} ${decision.mode}`);
  }
  return changes;
}

describe('the replay of a trace', () => {
  test('shows the mode over time, with changes that nothing but the clock brought', () => {
    const trace = ['{"time": 0, "viewers": 0}', '{"time": 10, "viewers": 5}', '{"time": 100, "viewers": 0}'].join('\n');
    expect(modesOf(trace)).toEqual(['0 Idle', '10 Proxy', '40 Transcode', '130 Idle']);
  });

  test('takes the spec from the first line', () => {
    const trace = '{"spec": {"hysteresisSeconds": 0, "maximumMode": "Proxy"}}\n{"time": 0, "viewers": 9}';
    expect(modesOf(trace)).toEqual(['0 Proxy']);
  });

  test('reads times as people write them', () => {
    const trace = '{"time": "2026-11-21T12:00:00Z", "viewers": 1}\n{"time": "2026-11-21T13:00:01+01:00", "viewers": 2}';
    expect(replay(parseTrace(trace)).map(({ decision }) => decision.mode)).toEqual(['Direct', 'Proxy']);
  });

  const wrong: readonly [string, string, RegExp][] = [
    ['no JSON', '{', /line 1: not JSON/],
    ['a negative count', '{"time": 0, "viewers": -1}', /line 1: viewers/],
    ['a time that goes back', '{"time": 5}\n{"time": 4}', /line 2: time goes back/],
    ['an unknown field', '{"time": 0, "viewer": 1}', /line 1: .*viewer/],
    ['a mode that does not exist', '{"spec": {"minimumMode": "Live"}}', /line 1: minimumMode/],
  ];
  test.each(wrong)('names line and field of %s', (_name, text, message) => {
    expect(() => parseTrace(text)).toThrow(message);
  });

  test('the example holds on a stale count, ignores a short burst and demotes step by step', () => {
    const example = readFileSync(new URL('../../../examples/trace.jsonl', import.meta.url), 'utf8');
    expect(modesOf(example)).toEqual(['0 Idle', '10 Direct', '25 Proxy', '90 Transcode', '330 Proxy', '360 Idle']);
  });
});
