import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Folder of the stored timelines below the media directory. */
export const TIMELINES_FOLDER = 'timelines';

/** Folder of the segments below the media directory, as URLs have it. */
export const LIVE_FOLDER = 'live';

/** What of a media volume belongs to a channel. */
export interface KeptChannels {
  /** `uid` of a Channel whose stored timeline stays. */
  readonly uid: (uid: string) => boolean;
  /** `<namespace>/<name>` of a channel whose folder stays. */
  readonly key: (key: string) => boolean;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/** Keys of the channel folders on a media volume that belong to nobody. */
export async function strayFolders(mediaDirectory: string, kept: KeptChannels): Promise<readonly string[]> {
  const live = join(mediaDirectory, LIVE_FOLDER);
  const keys: string[] = [];
  for (const namespace of await namesIn(live)) {
    for (const name of await namesIn(join(live, namespace))) keys.push(`${namespace}/${name}`);
  }
  return keys.filter((key) => !kept.key(key));
}

/** Removes stored timelines, temporary ones too, that belong to no Channel. */
export async function removeStrayTimelines(mediaDirectory: string, kept: KeptChannels): Promise<void> {
  const folder = join(mediaDirectory, TIMELINES_FOLDER);
  for (const file of await namesIn(folder)) {
    const uid = file.slice(0, file.indexOf('.'));
    if (!kept.uid(uid)) await rm(join(folder, file), { force: true });
  }
}
