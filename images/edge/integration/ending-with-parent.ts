import { accessSync, constants } from 'node:fs';

/** Debian's util-linux has it on every system. */
const SETPRIV = '/usr/bin/setpriv';

/** A program and its arguments. */
export type Command = readonly [program: string, ...words: string[]];

/**
 * The words of a command that gets SIGTERM when this process is gone, even by SIGKILL: nothing that was started for a
 * test or a bench stays behind. Where there is no `setpriv` the command as it is.
 */
export function endingWithParent(words: Command): Command {
  try {
    accessSync(SETPRIV, constants.X_OK);
  } catch {
    return words;
  }
  return [SETPRIV, '--pdeathsig', 'TERM', ...words];
}
