import { describe, expect, test } from '@jest/globals';
import { createMetrics } from './metrics.ts';

describe('createMetrics', () => {
  test('writes counters, gauges and histograms in the text format', async () => {
    const metrics = createMetrics();
    metrics.counter('sluice_requests_total', 'Requests.', ['kind']).inc({ kind: 'media' }, 2);
    metrics.gauge('sluice_viewers', 'Viewers.').set(3);
    metrics.histogram('sluice_wait_seconds', 'Waits.', [], [0.1, 1]).observe(0.5);
    const text = await metrics.text();
    expect(text).toContain('sluice_requests_total{kind="media"} 2');
    expect(text).toContain('sluice_viewers 3');
    expect(text).toContain('sluice_wait_seconds_bucket{le="0.1"} 0');
    expect(text).toContain('sluice_wait_seconds_bucket{le="1"} 1');
    expect(text).toContain('process_resident_memory_bytes');
  });

  test('tells the lag of the event loop without watching it all the time', async () => {
    const metrics = createMetrics();
    const text = await metrics.text();
    expect(text.match(/^nodejs_eventloop_lag\w*/gm)).toEqual(['nodejs_eventloop_lag_seconds']);
  });

  test('asks a collected gauge at each reading', async () => {
    const metrics = createMetrics();
    let viewers = 1;
    metrics.gauge('sluice_viewers', 'Viewers.', [], (gauge) => gauge.set(viewers));
    expect(await metrics.text()).toContain('sluice_viewers 1');
    viewers = 2;
    expect(await metrics.text()).toContain('sluice_viewers 2');
  });

  test('shares nothing between two programs in one process', async () => {
    const first = createMetrics();
    const second = createMetrics();
    first.counter('sluice_requests_total', 'Requests.').inc();
    second.counter('sluice_requests_total', 'Requests.');
    expect(await second.text()).toContain('sluice_requests_total 0');
  });

  test('refuses a name that is taken', () => {
    const metrics = createMetrics();
    metrics.gauge('sluice_viewers', 'Viewers.');
    expect(() => metrics.gauge('sluice_viewers', 'Viewers.')).toThrow(/already been registered/);
  });
});
