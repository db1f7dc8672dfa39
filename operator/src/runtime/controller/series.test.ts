import { describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { countedSeries, levelSeries, spreadSeries } from './series.ts';

describe('series that are handed over when they are read', () => {
  const labelNames = ['who'] as const;

  test('show what they have come to at each reading', async () => {
    const registry = new Registry();
    const registers = [registry];
    const count = countedSeries({ name: 'done_total', help: 'h', labelNames, registers })({ who: 'a' });
    const level = levelSeries({ name: 'level', help: 'h', labelNames, registers })({ who: 'a' });
    for (const [counted, high] of [
      [0, 0],
      [2, 1],
      [4, 2],
    ]) {
      const text = await registry.metrics();
      expect(text).toContain(`done_total{who="a"} ${counted}\n`);
      expect(text).toContain(`level{who="a"} ${high}\n`);
      count.add(2);
      level.add(3);
      level.add(-2);
    }
  });

  test('lose no value, however many come between two readings', async () => {
    const registry = new Registry();
    const options = { name: 'took_seconds', help: 'h', labelNames, registers: [registry], buckets: [1, 10] };
    const spread = spreadSeries(options)({ who: 'a' });
    expect(await registry.metrics()).toContain('took_seconds_count{who="a"} 0');
    for (let value = 0; value < 2500; value += 1) spread.observe(value % 5);
    for (let reading = 0; reading < 2; reading += 1) {
      const text = await registry.metrics();
      expect(text).toContain('took_seconds_bucket{le="1",who="a"} 1000');
      expect(text).toContain('took_seconds_sum{who="a"} 5000');
      expect(text).toContain('took_seconds_count{who="a"} 2500');
    }
  });
});
