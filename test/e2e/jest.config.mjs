/** End-to-end suites: one after the other, against the installation that run.ts has prepared. */
export default {
  rootDir: '../..',
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.e2e.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  // A step waits for pods, encoders and hysteresis; what is stuck for four minutes is broken.
  testTimeout: 240_000,
  maxWorkers: 1,
  // A step builds on the one before: going on after a failure would only bury its cause.
  bail: 0,
  // A browser or viewer that a failed test left open must not hold up the run.
  forceExit: true,
  verbose: true,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};
