import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

/** What a program writes after each collection, in bytes: the words of Node's `process.memoryUsage`. */
const usageSchema = z.object({ rss: z.number(), heapTotal: z.number(), heapUsed: z.number(), external: z.number() });

/** What a program holds behind a collection, in bytes. */
export interface Held {
  /** Resident memory less the free part of its JavaScript heap, which V8 gives back when it likes to. */
  readonly bytes: number;
  /** Of it JavaScript objects and their buffers: exactly what is still in use, whatever allocators keep for themselves. */
  readonly objectBytes: number;
}

/**
 * Value of NODE_OPTIONS with which a program collects its garbage every ten seconds and writes what it holds then into a
 * folder. V8 by itself lets a heap grow for minutes before it looks for what nobody needs any more.
 */
export function collectedOptions(root: string, folder: string): string {
  const url = pathToFileURL(join(root, 'test/soak/collected.mjs'));
  url.searchParams.set('folder', folder);
  return `--expose-gc --import=${url.href}`;
}

/** What the process held behind its last collection; null where it has not said so (yet). */
export function heldBy(folder: string, pid: number): Held | null {
  try {
    return readHeld(readFileSync(join(folder, `${pid}.json`), 'utf8'));
  } catch {
    return null;
  }
}

/** What a program has written; null for a text that is not whole. */
export function readHeld(text: string): Held | null {
  try {
    const { rss, heapTotal, heapUsed, external } = usageSchema.parse(JSON.parse(text));
    return { bytes: rss - (heapTotal - heapUsed), objectBytes: heapUsed + external };
  } catch {
    return null;
  }
}
