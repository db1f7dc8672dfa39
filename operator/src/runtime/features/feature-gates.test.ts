import { describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createFeatureMetrics, type Feature, parseFeatureGates } from './feature-gates.ts';

const FEATURES = {
  NewQueue: { stage: 'Alpha', description: 'A queue that is tried.' },
  FastWatch: { stage: 'Beta', description: 'A watch that is faster.' },
  OldWay: { stage: 'GA', description: 'What everybody relies on.' },
} as const satisfies Record<string, Feature>;

const CASES = [
  { text: '', on: ['FastWatch', 'OldWay'] },
  { text: 'NewQueue=true', on: ['NewQueue', 'FastWatch', 'OldWay'] },
  { text: ' FastWatch = false , OldWay=true,', on: ['OldWay'] },
  { text: 'AllAlpha=true,AllBeta=false', on: ['NewQueue', 'OldWay'] },
  { text: 'FastWatch=true,AllBeta=false', on: ['FastWatch', 'OldWay'] },
];

const REFUSED = [
  {
    text: 'FastWach=true',
    message: 'there is no gate FastWach; known are NewQueue, FastWatch, OldWay, AllAlpha, AllBeta',
  },
  { text: 'toString=true', message: 'there is no gate toString' },
  { text: 'NewQueue', message: '"NewQueue" is not NAME=true or NAME=false' },
  { text: 'NewQueue=yes', message: '"NewQueue=yes" is not NAME=true or NAME=false' },
  { text: 'NewQueue=true=false', message: 'is not NAME=true or NAME=false' },
  { text: 'NewQueue=true,NewQueue=false', message: 'NewQueue is named twice' },
  { text: 'OldWay=false', message: 'OldWay is GA and can no longer be switched off' },
];

describe('feature gates', () => {
  test.each(CASES)('"$text" leaves $on on', ({ text, on }) => {
    const gates = parseFeatureGates(FEATURES, text);
    expect(Object.entries(gates).flatMap(([name, value]) => (value ? [name] : []))).toEqual(on);
  });

  test.each(REFUSED)('refuses "$text"', ({ text, message }) => {
    expect(() => parseFeatureGates(FEATURES, text)).toThrow(message);
  });

  test('are told as Kubernetes tells its own', async () => {
    const registry = new Registry();
    createFeatureMetrics(registry, FEATURES, parseFeatureGates(FEATURES, 'AllBeta=false'));
    const text = await registry.metrics();
    expect(text).toContain('kubernetes_feature_enabled{name="NewQueue",stage="ALPHA"} 0');
    expect(text).toContain('kubernetes_feature_enabled{name="FastWatch",stage="BETA"} 0');
    expect(text).toContain('kubernetes_feature_enabled{name="OldWay",stage=""} 1');
  });
});
