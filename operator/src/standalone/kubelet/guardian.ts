import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Reads `+ GROUP` and `- GROUP`; at the end of its input it kills the groups that are left and removes the folder, again
 * where a process that was just dying has still written into it.
 */
const SCRIPT = `groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
for pause in 0.1 1 3; do rm -rf -- "$1" && break; sleep $pause; done 2>/dev/null`;

/** A shell that cleans up after this process, however it ends: SIGKILL and a closed terminal leave nothing either. */
export interface Guardian {
  /** A process group that must not outlive this process. */
  add(group: number): void;
  /** It has ended: its number may be given to a stranger. */
  remove(group: number): void;
  /** Ends the groups that are left and removes the folder; resolves when that is done. */
  close(): Promise<void>;
}

/** Starts a guardian. @param folder removed with everything in it at the end */
export function startGuardian(folder: string): Guardian {
  const shell: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'guardian', folder], {
    detached: true, // Ctrl-C is for the process that it guards
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  const ended = once(shell, 'exit');
  ended.catch(() => {}); // without a shell nobody cleans up after SIGKILL; everything else works
  shell.stdin?.on('error', () => {});
  return {
    add: (group) => void shell.stdin?.write(`+ ${group}\n`),
    remove: (group) => void shell.stdin?.write(`- ${group}\n`),
    async close() {
      shell.stdin?.end();
      await ended;
    },
  };
}
