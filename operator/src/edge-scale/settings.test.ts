import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { EDGE_SCALE_VARIABLES, edgeScaleSettings } from './settings.ts';

const schema = z.object(EDGE_SCALE_VARIABLES);
const read = (values: Record<string, string>) => edgeScaleSettings(schema.parse(values));

describe('the settings of the number of edge pods', () => {
  test('are none without a Deployment', () => {
    expect(read({ SLUICE_EDGE_MIN_REPLICAS: '2' })).toBeNull();
  });

  test('take the targets that are given', () => {
    const given = {
      SLUICE_EDGE_DEPLOYMENT: 'sluice-edge',
      SLUICE_EDGE_MIN_REPLICAS: '2',
      SLUICE_EDGE_MAX_REPLICAS: '6',
      SLUICE_EDGE_TARGET_VIEWERS: '800',
      SLUICE_EDGE_TARGET_EGRESS_BITS_PER_SECOND: '4e9',
      SLUICE_EDGE_TOLERANCE_PERCENT: '5',
    };
    expect(read(given)).toEqual({
      deployment: 'sluice-edge',
      minReplicas: 2,
      maxReplicas: 6,
      targets: { viewers: 800, egressBitsPerSecond: 4e9 },
      tolerance: 0.05,
      scaleDownStabilizationSeconds: 300,
    });
  });

  test.each([
    [
      { SLUICE_EDGE_MIN_REPLICAS: '11', SLUICE_EDGE_TARGET_VIEWERS: '1' },
      'SLUICE_EDGE_MIN_REPLICAS (11) is above SLUICE_EDGE_MAX_REPLICAS (10)',
    ],
    [
      {},
      'set SLUICE_EDGE_TARGET_VIEWERS, SLUICE_EDGE_TARGET_EGRESS_BITS_PER_SECOND or SLUICE_EDGE_TARGET_REQUESTS_PER_SECOND',
    ],
    [{ SLUICE_EDGE_MIN_REPLICAS: '0' }, 'SLUICE_EDGE_MIN_REPLICAS'],
    [{ SLUICE_EDGE_TARGET_VIEWERS: '0' }, 'SLUICE_EDGE_TARGET_VIEWERS'],
  ] as const)('refuse %j with the remedy', (given, message) => {
    expect(() => read({ SLUICE_EDGE_DEPLOYMENT: 'sluice-edge', ...given })).toThrow(message);
  });
});
