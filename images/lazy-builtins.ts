import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

const NAMESPACE = 'lazy-builtin';

/**
 * Lets a bundled ES module get Node's own modules as `require` gives them. An `import` reads every export there is, and
 * some are dear: `WebSocket` of `node:http` loads a second undici, `webcrypto` of `node:crypto` all of its algorithms.
 */
export const withLazyBuiltins: Plugin = {
  name: 'with-lazy-builtins',
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path) ? { path, namespace: NAMESPACE } : null,
    );
    build.onLoad({ filter: /^/, namespace: NAMESPACE }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};
