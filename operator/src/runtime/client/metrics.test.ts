import { expect, test } from '@jest/globals';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { createClientMetrics } from './metrics.ts';

test('requests are counted under the name and the labels of client-go, from 0 on', async () => {
  const metrics = createMetrics();
  const observer = createClientMetrics(metrics, 'https://api.example.com:6443/');
  expect(await metrics.text()).toContain(
    'rest_client_requests_total{code="200",method="PATCH",host="api.example.com:6443"} 0',
  );
  observer.onCall('GET', '<error>', 'api.example.com:6443');
  expect(await metrics.text()).toContain(
    'rest_client_requests_total{code="<error>",method="GET",host="api.example.com:6443"} 1',
  );
});
