import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { openServer } from '../testing/http.ts';
import { registerEdgeMetrics } from './edge-metrics.ts';
import { createOperationsServer } from './server.ts';

describe('the operations port', () => {
  test('answers probes by what is missing, and metrics with the present numbers', async () => {
    const metrics = createMetrics();
    let viewers: [string, string, number][] = [['default', 'film', 3]];
    registerEdgeMetrics(metrics, {
      linkConnected: () => true,
      routes: () => 2,
      rememberedIds: () => 4,
      eventListeners: () => 0,
      load: () => ({ egressBitsPerSecond: 8e6, requestsPerSecond: null }),
      viewers: () => viewers,
    });
    const left: number[] = [];
    const state = { startup: null as string | null, ready: 'no routes yet' as string | null };
    const server = await openServer(
      createOperationsServer(
        { startup: () => state.startup, ready: () => state.ready, leave: async (seconds) => void left.push(seconds) },
        metrics,
      ),
    );
    expect(await server.ask('/livez')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await server.ask('/startupz')).toMatchObject({ status: 200 });
    expect(await server.ask('/readyz')).toMatchObject({ status: 503, text: 'no routes yet\n' });
    state.ready = null;
    expect(await server.ask('/readyz?verbose')).toMatchObject({ status: 200 });
    expect((await server.ask('/metrics')).text).toContain('sluice_edge_viewers{namespace="default",channel="film"} 3');
    viewers = [];
    const { text } = await server.ask('/metrics');
    expect(text).not.toContain('sluice_edge_viewers{');
    expect(text).toContain('sluice_edge_link_connected 1');
    expect(text).toContain('sluice_edge_egress_bits_per_second 8000000');
    expect(text).toContain('sluice_edge_requests_per_second Nan');
    expect((await server.ask('/leave?seconds=3')).status).toBe(405);
    expect((await server.ask('/leave?seconds=soon', { method: 'POST' })).status).toBe(400);
    expect(await server.ask('/leave?seconds=3', { method: 'POST' })).toMatchObject({
      status: 200,
      text: 'the edge may go\n',
    });
    expect(left).toEqual([3]);
    expect((await server.ask('/other')).status).toBe(404);
    await server.close();
  });
});
