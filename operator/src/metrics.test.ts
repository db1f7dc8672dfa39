import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { createOperatorMetrics } from './metrics.ts';

describe("the operator's metrics", () => {
  const metrics = createMetrics();
  let ageSeconds = 3;
  const operator = createOperatorMetrics(metrics, {
    links: () => ({ connected: 0, edges: 0, backlog: 0 }),
    book: {
      refused: () => ({ unknownChannel: 0, tooManyIds: 0 }),
      silentSeconds: () => 0,
      ageSeconds: (uid) => (uid === 'c1' ? ageSeconds : 0),
    },
    sessions: () => [],
    waiting: () => [],
    admitted: () => new Map([['tv', 3]]),
  });

  /** Series of the channels' metrics, as they are read. */
  async function series(): Promise<readonly string[]> {
    return (await metrics.text()).split('\n').filter((line) => line.startsWith('sluice_channel_') && /\{/.test(line));
  }

  test('show a channel that is watched with the age of its count, and nothing of it once it is idle', async () => {
    const labels = 'namespace="tv",channel="film"';
    operator.observeChannel('c1', 'tv', 'film', { viewers: 2, desired: 'Proxy', active: 'Direct' });
    expect(await series()).toEqual([
      `sluice_channel_viewers{${labels}} 2`,
      `sluice_channel_desired_mode{${labels}} 2`,
      `sluice_channel_mode{${labels}} 1`,
      `sluice_channel_viewers_age_seconds{${labels}} 3`,
    ]);
    ageSeconds = 4;
    expect(await series()).toContain(`sluice_channel_viewers_age_seconds{${labels}} 4`);
    operator.observeChannel('c1', 'tv', 'film', { viewers: 0, desired: 'Idle', active: 'Idle' });
    expect(await series()).toEqual([]);
  });

  test('forget a channel that is deleted', async () => {
    operator.observeChannel('c2', 'tv', 'news', { viewers: 1, desired: 'Direct', active: 'Direct' });
    operator.forgetChannel('c2', 'tv', 'news');
    expect(await series()).toEqual([]);
  });

  test('show how many sessions each owner may run', async () => {
    expect(await metrics.text()).toContain('sluice_owner_sessions{owner="tv"} 3');
  });

  test('have no sample of what has not been measured', async () => {
    expect(await metrics.text()).toContain('sluice_first_segments_seconds_count 0');
    operator.firstSegmentsSeconds.observe(2.7);
    expect(await metrics.text()).toContain('sluice_first_segments_seconds_bucket{le="3"} 1');
  });
});
