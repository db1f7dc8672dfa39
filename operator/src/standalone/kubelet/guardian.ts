import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * At the end of its input it kills whatever has its working directory in the folder, and removes the folder when nothing
 * has: what was just dying may still have written a file or started a program. Who has a terminal (the seventh field of
 * /proc/PID/stat, proc(5)) is a person who looks at the files: what is started here has a session of its own, without one.
 */
const SCRIPT = `while read -r _; do :; done
for pause in 0.05 0.1 1 3; do
  left=$(find /proc -maxdepth 2 -name cwd -lname "*/\${1##*/}/*" -printf '%h/stat\\n' |
    xargs -r sed -n 's/^\\([0-9]*\\) (.*) [A-Z] [0-9]* [0-9]* [0-9]* 0 .*/\\1/p')
  [ -z "$left" ] && rm -rf -- "$1" && break
  kill -s KILL $left
  sleep $pause
done 2>/dev/null`;

/**
 * Starts a shell that cleans up after this process, however it ends: SIGKILL and a closed terminal leave nothing either.
 * @param folder removed with everything in it at the end
 * @returns has it clean up now; resolves when that is done
 */
export function startGuardian(folder: string): () => Promise<void> {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'guardian', folder], {
    detached: true, // Ctrl-C is for the process that it guards
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  const ended = once(shell, 'exit');
  ended.catch(() => {}); // without a shell nobody cleans up after SIGKILL; everything else works
  shell.stdin.on('error', () => {});
  return async () => {
    shell.stdin.end();
    await ended;
  };
}
