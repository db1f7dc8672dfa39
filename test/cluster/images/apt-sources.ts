/** Where the machine gets a Debian suite from. */
interface AptEntry {
  readonly uri: string;
  readonly suite: string;
}

/** Debian's public archive, for machines whose own sources are another distribution's. */
const PUBLIC: readonly AptEntry[] = [
  { uri: 'http://deb.debian.org/debian', suite: '' },
  { uri: 'http://deb.debian.org/debian', suite: '-updates' },
  { uri: 'http://deb.debian.org/debian-security', suite: '-security' },
];

/**
 * Package sources of a Debian release, taken from where the machine gets its own release (a mirror may be the only
 * thing that it can reach), else from the public archive. Entries of others than Debian are left out.
 * @param files texts of /etc/apt/sources.list and of the files in sources.list.d, in either of apt's two formats
 * @param machineRelease the machine's codename, e.g. `bookworm`; empty if it is not Debian
 * @param release codename of the wanted release
 * @returns lines for mmdebstrap and for sources.list
 */
export function aptSources(files: readonly string[], machineRelease: string, release: string): readonly string[] {
  const suites = ['', '-updates', '-security'];
  const own = files
    .flatMap(entries)
    .flatMap(({ uri, suite }) =>
      suites.filter((ending) => suite === `${machineRelease}${ending}`).map((ending) => ({ uri, suite: ending })),
    );
  const chosen = machineRelease !== '' && own.some((entry) => entry.suite === '') ? own : PUBLIC;
  return [...new Set(chosen.map(({ uri, suite }) => `deb ${uri} ${release}${suite} main`))];
}

function entries(file: string): AptEntry[] {
  return /^\s*Types:/m.test(file) ? deb822Entries(file) : oneLineEntries(file);
}

function oneLineEntries(file: string): AptEntry[] {
  const matches = file.matchAll(/^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s/gm);
  return [...matches].map((match) => ({ uri: trimSlash(match[1] ?? ''), suite: match[2] ?? '' }));
}

function deb822Entries(file: string): AptEntry[] {
  const text = file.replace(/^#.*\n/gm, '');
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) =>
      (new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(stanza)?.[1] ?? '').split(/\s+/).filter(Boolean);
    if (!field('Types').includes('deb') || field('Enabled')[0] === 'no') return [];
    return field('URIs').flatMap((uri) => field('Suites').map((suite) => ({ uri: trimSlash(uri), suite })));
  });
}

function trimSlash(uri: string): string {
  return uri.replace(/\/+$/, '');
}
