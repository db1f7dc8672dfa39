import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '@sluice/common/errors/error.ts';
import type { FolderInput } from './folder-input.ts';

/** How changes are noticed. */
export interface FollowOptions {
  /** The file or folder. */
  readonly path: string;
  readonly input: Pick<FolderInput, 'read'>;
  /** Told once for each new reason why the input cannot be read. */
  readonly onTrouble: (message: string) => void;
}

/** Editors write a file in several steps; a step that is seen alone is only a wrong file for a moment. */
const SETTLE_MILLISECONDS = 100;
/** Some file systems (network, containers) tell nothing: then this is how late a change is seen. */
const POLL_MILLISECONDS = 2000;

/** Reads an input again whenever it may have changed, one reading at a time, until `stop`. */
export function followInput(options: FollowOptions): { stop(): Promise<void> } {
  let reading: Promise<void> = Promise.resolve();
  let isWaiting = false;
  let lastTrouble = '';
  const read = async () => {
    isWaiting = false;
    try {
      await options.input.read();
      lastTrouble = '';
    } catch (error) {
      const trouble = messageOf(error);
      if (trouble !== lastTrouble) options.onTrouble(trouble);
      lastTrouble = trouble;
    }
  };
  const schedule = () => {
    if (isWaiting) return;
    isWaiting = true;
    reading = reading.then(read);
  };
  let settle: NodeJS.Timeout | undefined;
  const watchers = watchersOf(options.path, () => {
    clearTimeout(settle);
    settle = setTimeout(schedule, SETTLE_MILLISECONDS);
  });
  const poll = setInterval(schedule, POLL_MILLISECONDS);
  return {
    async stop() {
      clearInterval(poll);
      clearTimeout(settle);
      for (const watcher of watchers) watcher.close();
      await reading;
    },
  };
}

/** A file is watched by its folder: editors put another file in its place. */
function watchersOf(path: string, onChange: () => void): readonly FSWatcher[] {
  try {
    const folder = statSync(path).isDirectory() ? path : dirname(path);
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close()); // the poll goes on
    return [watcher];
  } catch {
    return []; // the poll does it alone
  }
}
