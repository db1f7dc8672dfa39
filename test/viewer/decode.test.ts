import { expect, test } from '@jest/globals';
import { unusualSteps } from './decode.ts';

test('regular frame times have no unusual step', () => {
  expect(unusualSteps([10, 10.04, 10.08, 10.12])).toEqual([]);
});

test.each([
  { name: 'a hole', times: [0, 0.04, 0.08, 0.2, 0.24, 0.28], at: 0.2 },
  { name: 'a jump back', times: [0, 0.04, 0.08, 0.04, 0.08, 0.12], at: 0.04 },
])('$name is found where it is', ({ times, at }) => {
  expect(unusualSteps(times).map((step) => step.atSeconds)).toEqual([at]);
});
