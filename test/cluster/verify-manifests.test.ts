import { expect, test } from '@jest/globals';
import { shutdownOrder } from './verify-manifests.ts';

test('the order of a shutdown follows the times, not the lines, and ignores the rest', () => {
  const log = `2026-01-01T00:00:03.1Z sidecar stops
2026-01-01T00:00:00.5Z request /
2026-01-01T00:00:01.2Z preStop
2026-01-01T00:00:02.9Z web stops
`;
  expect(shutdownOrder(log)).toEqual(['preStop', 'web stops', 'sidecar stops']);
});
