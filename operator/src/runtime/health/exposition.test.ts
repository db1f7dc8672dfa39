import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createExposition } from './exposition.ts';

test('the text is what prom-client itself makes of a registry, now and when it has changed', async () => {
  const label = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'é') });
  const change = fc.record({
    label,
    value: fc.double({ noNaN: true }),
    seconds: fc.double({ min: 0, max: 20, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change), async (changes) => {
      const registry = new Registry();
      const registers = [registry];
      const counter = new Counter({ name: 'requests_total', help: 'a "help"\\ with\nlines', registers });
      const gauge = new Gauge({ name: 'level', help: 'h', labelNames: ['one', 'two'], registers });
      const options = { name: 'took_seconds', help: 'h', labelNames: ['one'] };
      const histogram = new Histogram({ ...options, buckets: [1, 10], registers });
      const text = createExposition(registry);
      for (const { label: one, value, seconds } of changes) {
        counter.inc(seconds);
        gauge.set({ one, two: 'b' }, value);
        histogram.observe({ one }, seconds);
        expect(await text()).toBe(await registry.metrics());
      }
    }),
    { numRuns: 20 },
  );
});
