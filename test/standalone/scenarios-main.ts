/** The run that the scenarios play on: `scenarios-main.ts FOLDER API-PORT`, settings from the environment. */
import { runStandalone } from './run.ts';

const [folder = '', apiPort] = process.argv.slice(2);
await runStandalone(folder, Number(apiPort));
