import unit from './jest.config.mjs';

/** Scenarios: a whole edge or several, or an operator with all that may go wrong around it, on a clock that the test moves. */
export default {
  ...unit,
  testMatch: ['**/*.scenario.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
