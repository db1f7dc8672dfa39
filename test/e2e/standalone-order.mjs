import { basename } from 'node:path';

/** The longest suites first: four of them side by side keep two cores busy, but no encoder late. */
const ORDER = [
  ...['audience', 'playback', 'losses', 'fmp4', 'page-trouble', 'bad-input', 'page'],
  ...['proxy-sharing', 'viewers'],
];

/** Suites that the list does not name come last. */
const placeOf = ({ path }) => {
  const place = ORDER.indexOf(basename(path, '.e2e.ts'));
  return place < 0 ? ORDER.length : place;
};

/** What jest asks of a `testSequencer`, as far as these runs use it: no shards, no memory of earlier runs. */
export default class StandaloneOrder {
  sort(tests) {
    return [...tests].sort((a, b) => placeOf(a) - placeOf(b));
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
}
