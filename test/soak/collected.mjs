/**
 * Loaded into a program before its own code, by what {@link collectedOptions} says: collects the program's garbage again and
 * again, and writes down what is left then. JavaScript: what strips types would be in the memory of programs that need none.
 */
import { writeFileSync } from 'node:fs';

/** A full collection takes some 50 ms: half a percent of a core. */
const INTERVAL_MILLISECONDS = 10_000;
/** The first soon after the start, so that whoever waits for it sees that it is written at all. */
const FIRST_MILLISECONDS = 1_000;

const folder = new URL(import.meta.url).searchParams.get('folder') ?? '';

function collect() {
  globalThis.gc?.();
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  try {
    writeFileSync(`${folder}/${process.pid}.json`, JSON.stringify({ rss, heapTotal, heapUsed, external }));
  } catch {
    // The soak is over and has removed its folder: the program ends as well.
  }
}

// Neither keeps a program alive that has nothing else to do.
setTimeout(collect, FIRST_MILLISECONDS).unref();
setInterval(collect, INTERVAL_MILLISECONDS).unref();
