import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { hasDesktop, openPage } from './browser.ts';

test.each<[string, Record<string, string>, boolean, boolean]>([
  ['X11', { DISPLAY: ':0' }, true, true],
  ['Wayland', { WAYLAND_DISPLAY: 'wayland-0' }, true, true],
  ['a server', {}, true, false],
  ['output that goes to a file', { DISPLAY: ':0' }, false, false],
  ['continuous integration', { DISPLAY: ':0', CI: 'true' }, true, false],
  ['somebody who wants none', { DISPLAY: ':0', BROWSER: 'none' }, true, false],
])('%s', (_, environment, isTerminal, expected) => expect(hasDesktop({ environment, isTerminal })).toBe(expected));

test('the page is opened by the desktop, and a machine without xdg-open is no trouble', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'desktop-'));
  try {
    const opener = join(folder, 'xdg-open');
    await writeFile(opener, '#!/bin/sh\necho "$DISPLAY $*" >"$0.part" && /bin/mv "$0.part" "$0.opened"\n');
    await chmod(opener, 0o755);
    const page = 'http://127.0.0.1:8080/watch/demo/film';
    openPage(page, { PATH: '/nowhere' });
    openPage(page, { PATH: folder, DISPLAY: ':0' });
    const opened = () => readFile(`${opener}.opened`, 'utf8').catch(() => null);
    while ((await opened()) === null) await new Promise(setImmediate);
    expect(await opened()).toBe(`:0 ${page}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
