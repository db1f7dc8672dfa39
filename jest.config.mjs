import { availableParallelism } from 'node:os';

/** Unit tests: every *.test.ts beside its source but *.scenario.test.ts, which take longer. End-to-end, browser and cluster suites have runners of their own. */
export default {
  testEnvironment: 'node',
  // More than cores, of which jest would leave one idle: while a suite waits for sockets and timers, another works.
  maxWorkers: availableParallelism() + 1,
  // A limit for what hangs, not for what is slow: some suites talk over real sockets, and machines may be busy.
  testTimeout: 60_000,
  roots: ['<rootDir>/crds', '<rootDir>/operator', '<rootDir>/images', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '\\.scenario\\.test\\.ts$'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^fast-check$': '<rootDir>/test/setup/fast-check.mjs' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};
