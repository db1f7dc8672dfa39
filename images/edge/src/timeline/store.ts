import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { MAX_ENTRIES, type TimelineLog } from './log.ts';

const numberSchema = z.number().int();

const rangeSchema = z.object({ offset: numberSchema.nonnegative(), length: numberSchema.positive() });

/** Tags as they stand in playlists: what one segment has, of the source's longest lines. */
const linesSchema = z.array(z.string().max(10_000)).max(32).readonly();

const bytesFields = {
  map: z.string().nullable().default(null),
  range: rangeSchema.optional(),
  mapRange: rangeSchema.optional(),
  keys: linesSchema.optional(),
  mapKeys: linesSchema.optional(),
};

/** A {@link TimelineEntry} as files and messages carry it. */
export const entrySchema = z.object({
  msn: numberSchema.nonnegative(),
  epoch: numberSchema.positive(),
  durationSeconds: z.number().positive(),
  dateTime: z.string().nullable(),
  discontinuity: z.boolean(),
  gap: z.boolean(),
  ...bytesFields,
  names: z.record(z.string(), z.string()),
  beside: z
    .record(
      z.string(),
      z
        .object({ ...bytesFields, durationSeconds: z.number().positive().optional() })
        .readonly()
        .nullable(),
    )
    .readonly()
    .optional(),
  markers: linesSchema.optional(),
});

/** A {@link TimelineLog} without its entries. */
export const headSchema = z.object({
  epoch: numberSchema.positive(),
  targetDurationSeconds: numberSchema.positive(),
  discontinuityBase: numberSchema.nonnegative(),
  firstListedMsn: numberSchema.nonnegative(),
  msnOffset: numberSchema,
  discontinuityOffset: numberSchema,
  rungs: z.array(z.string()).min(1).max(100),
  ended: z.boolean().optional(),
});

/** Entries of one log: a window has 12, and some more where segments are short. */
export const entriesSchema = z.array(entrySchema).max(MAX_ENTRIES);

const logSchema = headSchema.extend({ entries: entriesSchema });

/** A segment of the source as the next poll compares it: its number at the source, a mark and a date that tell it from others. */
export const knownSchema = z.object({
  msn: numberSchema,
  mark: z.string(),
  dateMs: z.number().optional(),
});

const stateSchema = z.object({
  version: z.literal(1),
  uid: z.string(),
  sourceUri: z.string(),
  savedAt: z.number().default(0),
  log: logSchema,
  known: z.array(knownSchema).max(100),
});

/** What a restarted sidecar needs to go on with a channel. */
export interface StoredTimeline {
  readonly version: 1;
  readonly uid: string;
  /** The Channel's source when this was written: another one opens a new epoch. */
  readonly sourceUri: string;
  /** When this was written, ms since the epoch: 0 where an older version wrote it. */
  readonly savedAt: number;
  readonly log: TimelineLog;
  readonly known: readonly z.infer<typeof knownSchema>[];
}

/**
 * Reads a stored timeline; null where there is none, or where the file is not one (an older version, a torn disk):
 * then the channel goes on above the numbers in its route.
 */
export async function loadTimeline(path: string): Promise<StoredTimeline | null> {
  try {
    const parsed = stateSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Writes a timeline whole or not at all (temporary file, then rename). Throws the file system's error. */
export async function saveTimeline(path: string, state: StoredTimeline): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, JSON.stringify(state));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
