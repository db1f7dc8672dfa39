import { expect, test } from '@jest/globals';
import { aptSources } from './apt-sources.ts';

const DEB822 = `Types: deb
# a comment between the fields
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/x.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

test('the mirror of the machine serves the wanted release as well', () => {
  expect(aptSources([DEB822], 'bookworm', 'trixie')).toEqual([
    'deb http://mirror.example/debian trixie main',
    'deb http://mirror.example/debian trixie-updates main',
    'deb http://mirror.example/debian-security trixie-security main',
  ]);
});

test('one-line files are read too, options, comments and third parties are passed over', () => {
  const file = `# deb http://old.example bookworm main
deb [arch=amd64 signed-by=/x] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb https://vendor.example/apt stable main
`;
  expect(aptSources([file], 'bookworm', 'trixie')).toEqual(['deb http://mirror.example/debian trixie main']);
});

test.each([
  ['another distribution', ['deb http://ubuntu.example noble main\n'], ''],
  ['a machine without sources', [], 'bookworm'],
  ['disabled sources', [`Enabled: no\n${DEB822.split('\n\n')[0]}\n`], 'bookworm'],
])('%s gets the public archive', (_, files, codename) => {
  expect(aptSources(files, codename, 'trixie')[0]).toBe('deb http://deb.debian.org/debian trixie main');
});
