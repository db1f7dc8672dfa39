import { spawn } from 'node:child_process';

/** What tells whether somebody sits in front of this machine. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether the output goes to a terminal. */
  readonly isTerminal: boolean;
}

/** Whether there is a desktop to open a page on; `BROWSER=none` says no. */
export function hasDesktop({ environment, isTerminal }: Surroundings): boolean {
  const { DISPLAY = '', WAYLAND_DISPLAY = '', BROWSER = '', CI = '' } = environment;
  return isTerminal && BROWSER !== 'none' && CI === '' && DISPLAY + WAYLAND_DISPLAY !== '';
}

/** Opens a page in the desktop's browser; where that does not work the printed address is enough. */
export function openPage(url: string, environment: Surroundings['environment']): void {
  const opener = spawn('xdg-open', [url], { detached: true, stdio: 'ignore', env: { ...environment } });
  opener.on('error', () => {});
  opener.unref();
}
