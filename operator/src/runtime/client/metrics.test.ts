import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createClientMetrics } from './metrics.ts';

test('requests are counted under the name and the labels of client-go, from 0 on', async () => {
  const registry = new Registry();
  const observer = createClientMetrics(registry, 'https://api.example.com:6443/');
  expect(await registry.metrics()).toContain(
    'rest_client_requests_total{code="200",method="PATCH",host="api.example.com:6443"} 0',
  );
  observer.onCall('GET', '<error>', 'api.example.com:6443');
  expect(await registry.metrics()).toContain(
    'rest_client_requests_total{code="<error>",method="GET",host="api.example.com:6443"} 1',
  );
});
