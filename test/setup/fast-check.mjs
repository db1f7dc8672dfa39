/*
 * fast-check with the seed and the number of runs that this run of the tests was given. A gate must say the same of the
 * same code, so `npm test` uses one seed; `npm run fuzz` looks for new cases with seeds of its own and many more runs.
 */
import fc from '../../node_modules/fast-check/lib/fast-check.js';

const FIXED_SEED = 20_261_121;
const seed = Number(process.env.SLUICE_PROPERTY_SEED ?? FIXED_SEED);
// With one seed the same cases come each time: half of what a search would take guards what is known, in half the time.
const runsFactor = Number(process.env.SLUICE_PROPERTY_RUNS_FACTOR ?? 0.5);
const DEFAULT_RUNS = 100;

// A list that may have 60 items has 10 at most by default; the gate's cases are few and small, a search takes what is allowed.
if (process.env.SLUICE_PROPERTY_SIZE === 'max') fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });

const assert = (property, parameters = {}) =>
  fc.assert(property, { seed, ...parameters, numRuns: Math.ceil((parameters.numRuns ?? DEFAULT_RUNS) * runsFactor) });

export default { ...fc, assert };
