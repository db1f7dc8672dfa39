import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

/** Files of packages that hold nothing but data, by what a program of ours needs of them. */
const NEEDED: readonly (readonly [file: RegExp, contents: string])[] = [
  // Messages in fifty languages; all of ours are English.
  [/[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/, "export { default as en } from './en.js';"],
  // Tables of Asian and DOS encodings, for bodies that are no Unicode: those get 415.
  [/[\\/]iconv-lite[\\/]encodings[\\/]index\.js$/, "module.exports = require('./internal');"],
];

/** Leaves out of a bundle what no program uses and every one would hold in memory: about 0.8 MB. */
export const withoutUnusedTexts: Plugin = {
  name: 'without-unused-texts',
  setup(build) {
    for (const [filter, contents] of NEEDED) {
      build.onLoad({ filter }, ({ path }) => ({ contents, resolveDir: dirname(path) }));
    }
  },
};
