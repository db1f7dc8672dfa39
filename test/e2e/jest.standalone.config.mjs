import { cpus } from 'node:os';
import cluster from './jest.config.mjs';

/** The scenarios on a standalone operator: side by side, for each has a namespace and a source path of its own. */
export default {
  ...cluster,
  testPathIgnorePatterns: ['/node_modules/', '\\.cluster\\.e2e\\.ts$'],
  // Most of a scenario is waiting; on two cores four of them keep the encoders in time.
  maxWorkers: Math.max(2, Math.min(8, cpus().length * 2)),
  testSequencer: '<rootDir>/test/e2e/standalone-order.mjs',
};
