import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { type Route, routeSchema } from '@sluice/common/link/route.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import { z } from 'zod';

const FILE = 'routes.json';
/** Source headers are in the routes: nobody but the sidecar's user reads them. */
const OWNER_ONLY = 0o600;
/** A burst of changes is written once; after a crash at most this much is missing, which the next snapshot brings. */
const WRITE_DELAY_MS = 250;

const storedSchema = z.object({ version: z.literal(1), routes: z.array(routeSchema) });

/**
 * The routes of the last run, from the run directory, so that an edge restarts without the operator.
 * Null where nothing was stored.
 * @throws SluiceError `ROUTES_UNREADABLE` where the file is there but broken
 */
export async function readStoredRoutes(directory: string): Promise<readonly Route[] | null> {
  try {
    return storedSchema.parse(JSON.parse(await readFile(join(directory, FILE), 'utf8'))).routes;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new SluiceError(`${join(directory, FILE)} cannot be used: ${messageOf(thrown)}`, {
      code: 'ROUTES_UNREADABLE',
      retryable: false,
      cause: thrown,
    });
  }
}

/** Replaces the stored routes: as a whole or not at all. */
export async function writeStoredRoutes(directory: string, routes: readonly Route[]): Promise<void> {
  const path = join(directory, FILE);
  await writeFile(`${path}.new`, JSON.stringify({ version: 1, routes }), { mode: OWNER_ONLY });
  await rename(`${path}.new`, path);
}

/** Keeps the stored routes up to date, one write at a time. */
export class RouteKeeper {
  readonly #directory: string;
  readonly #routes: () => readonly Route[];
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param routes gives all routes at the time of a write */
  constructor(directory: string, routes: () => readonly Route[], log: Logger) {
    this.#directory = directory;
    this.#routes = routes;
    this.#log = log;
  }

  /** Something changed: it will be written soon. */
  schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, WRITE_DELAY_MS);
  }

  /** Writes what is waiting, and ends. */
  async close(): Promise<void> {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
      this.#write();
    }
    await this.#writing;
  }

  #write(): void {
    this.#writing = this.#writing
      .then(() => writeStoredRoutes(this.#directory, this.#routes()))
      .catch((thrown: unknown) => {
        this.#log.error({ err: thrown }, 'routes could not be stored; a restart without the operator would lose them');
      });
  }
}
