import { expect, test } from '@jest/globals';
import { hasDesktop } from './browser.ts';

test.each<[string, Record<string, string>, boolean, boolean]>([
  ['X11', { DISPLAY: ':0' }, true, true],
  ['Wayland', { WAYLAND_DISPLAY: 'wayland-0' }, true, true],
  ['a server', {}, true, false],
  ['output that goes to a file', { DISPLAY: ':0' }, false, false],
  ['continuous integration', { DISPLAY: ':0', CI: 'true' }, true, false],
  ['somebody who wants none', { DISPLAY: ':0', BROWSER: 'none' }, true, false],
])('%s', (_, environment, isTerminal, expected) => expect(hasDesktop({ environment, isTerminal })).toBe(expected));
