import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** nginx needs seconds to end and to start again; in ms. */
const LOOK_MS = 1_000;

/** File of nginx's process id in the run directory: it is written at each start. */
export const PID_FILE = 'nginx.pid';

/**
 * Calls `started` once when nginx has been started after this call. @returns what ends the watch
 *
 * A container's preStop hook also runs where its liveness probe has failed: then it alone is started again, and the pod stays.
 */
export function watchNginxStart(runDirectory: string, started: () => void, lookMs = LOOK_MS): () => void {
  const since = Date.now();
  let isOver = false;
  const end = (): void => {
    isOver = true;
    clearInterval(timer);
  };
  const timer = setInterval(async () => {
    const written = await stat(join(runDirectory, PID_FILE)).catch(() => null);
    if (isOver || written === null || written.mtimeMs <= since) return;
    end();
    started();
  }, lookMs);
  return end;
}
