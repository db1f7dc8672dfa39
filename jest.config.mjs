/** Unit tests: every *.test.ts beside its source. End-to-end, browser and cluster suites have runners of their own. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/crds', '<rootDir>/operator', '<rootDir>/images', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};
