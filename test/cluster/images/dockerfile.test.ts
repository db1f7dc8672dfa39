import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contextSources } from './dockerfile.ts';

describe('contextSources', () => {
  test.each([
    ['no copy', 'FROM scratch\nRUN echo COPY x y\n', []],
    ['one path', 'FROM a\nCOPY dist/edge/ /app/\n', ['dist/edge/']],
    ['several sources', 'COPY a b c/*.js /app/', ['a', 'b', 'c/*.js']],
    ['flags', 'COPY --chown=1000:1000 --chmod=755 a /a', ['a']],
    ['another stage', 'COPY --from=film /build/film.mp4 /srv/', []],
    ['lower case', 'copy a /a\nadd b /b', ['a', 'b']],
    ['continued lines with a comment between', 'COPY a \\\n# why\n  b \\\n  /x/', ['a', 'b']],
    ['a commented copy', '# COPY secret /x', []],
  ])('%s', (_, text, sources) => expect(contextSources(text)).toEqual(sources));

  test.each([
    ['a variable', 'COPY $FILE /x'],
    ['a JSON array', 'COPY ["a b", "/x"]'],
    ['a here-document', 'COPY <<EOF /x\nhello\nEOF'],
    ['a bind mount', 'RUN --mount=type=bind,source=.,target=/s make'],
    ['no destination', 'COPY a'],
  ])('refuses to guess at %s', (_, text) => expect(() => contextSources(text)).toThrow('plain paths'));

  test('finds every plain path in order, however the instruction is broken into lines', () => {
    const path = fc.stringMatching(/^[a-z][a-z0-9/.]{0,8}$/);
    const gap = fc.constantFrom(' ', '  ', ' \\\n ', '\t');
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 5 }), gap, (paths, space) => {
        expect(contextSources(`FROM x\nCOPY ${[...paths, '/to/'].join(space)}\nUSER 1`)).toEqual(paths);
      }),
    );
  });
});
