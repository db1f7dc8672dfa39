import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

/** Media types that express sends, as mime-db has them. */
const SENT_TYPES = {
  'application/json': { source: 'iana', charset: 'UTF-8', compressible: true, extensions: ['json', 'map'] },
  'text/html': { source: 'iana', compressible: true, extensions: ['html', 'htm', 'shtml'] },
  'text/plain': { source: 'iana', compressible: true, extensions: ['txt'] },
  'application/octet-stream': { source: 'iana', compressible: true, extensions: ['bin'] },
};

/** Files of packages that our programs use little or nothing of, by what they need of them. */
const NEEDED: readonly (readonly [file: RegExp, contents: string])[] = [
  // Messages in fifty languages; all of ours are English.
  [/[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/, "export { default as en } from './en.js';"],
  // Tables of Asian and DOS encodings, for bodies that are no Unicode: those get 415.
  [/[\\/]iconv-lite[\\/]encodings[\\/]index\.js$/, "module.exports = require('./internal');"],
  // All media types that there are; express asks for the character set of those that it sends.
  [/[\\/]mime-db[\\/]index\.js$/, `module.exports = ${JSON.stringify(SENT_TYPES)};`],
  // fetch and what belongs to it, doubles for tests, caches. Our programs use `request` and agents; an agent makes one of these at its start.
  [/[\\/]undici[\\/]lib[\\/](?:web|mock|cache|interceptor)[\\/].+\.js$/, 'exports.CacheStorage = class {};'],
  // An experimental parser, which a variable of the environment would switch on.
  [/[\\/]undici[\\/]lib[\\/]milo[\\/].+\.js$/, ''],
];

/** Leaves out of a bundle what no program uses and every one would hold in memory: about 1.6 MB. */
export const withoutUnusedTexts: Plugin = {
  name: 'without-unused-texts',
  setup(build) {
    for (const [filter, contents] of NEEDED) {
      build.onLoad({ filter }, ({ path }) => ({ contents, resolveDir: dirname(path) }));
    }
  },
};
