import { expect, test } from '@jest/globals';
import { addSent, NOTHING, rowsOfBytes } from './bytes-rows.ts';

const sent = (bytes: number, cpuSeconds: number) => ({ bytes, cpuSeconds, seconds: 2 });

test('bytes are compared for all rounds together, the sidecar counted in the turns of its pod', () => {
  const rounds = [
    [sent(4e9, 1), sent(4e9, 1), sent(4e9, 1)],
    [sent(4e9, 1), sent(4e9, 0.5), sent(4e9, 1)],
  ];
  // A tenth of a core, in the two seconds of each turn.
  const [pod, nginx, again] = rowsOfBytes({ rounds, sidecarShare: 0.1 });
  expect(pod).toMatchObject({
    measured: '3.33 GB',
    reference: 'nginx alone, same files: 5.33 GB',
    ratio: '0.63 x (0.42 to 0.83)',
    goal: 'at least 0.95, **missed**',
  });
  expect(nginx).toMatchObject({ measured: '4.00 GB', ratio: '0.75 x (0.50 to 1.00)' });
  expect(nginx?.what).toContain('10.0 % of a core');
  expect(again).toMatchObject({ measured: '4.00 GB', ratio: '0.75 x (0.50 to 1.00)' });
});

test('turns add up', () => {
  expect([sent(1, 2), sent(3, 4)].reduce(addSent, NOTHING)).toEqual({ bytes: 4, cpuSeconds: 6, seconds: 4 });
});
