import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What the kernel sends with, where nobody has set anything else. */
const USUAL = 'cubic';
/** Loopback address of readers, which nothing else uses. */
const READERS = '127.0.70.7';

/** Readers whose bytes are sent without pacing. */
export interface UnpacedReaders {
  /** Where their connections are to begin. */
  readonly address: string;
  stop(): void;
}

/**
 * Lets the kernel send to readers as it does where nothing else is set. BBR paces connections by a rate that it believes in:
 * on loopback that comes out anyhow, stays for as long as a server runs, and decides whether a packet holds 64 kB or a
 * few; two nginx of the same configuration lay 0.6 to 1.5 apart. The route is of one address, and gone when it stops; where it
 * cannot be had, as without root, readers get what the machine has.
 */
export function unpacedReaders(): UnpacedReaders {
  const paces = /^bbr/.test(readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8'));
  const isSet = paces && route('replace', 'congctl', USUAL);
  return {
    address: READERS,
    stop: () => {
      if (isSet) route('del');
    },
  };
}

/** @returns whether it is done: only root may, where iproute2 is installed */
function route(verb: 'replace' | 'del', ...words: readonly string[]): boolean {
  try {
    execFileSync('ip', ['route', verb, 'local', READERS, 'dev', 'lo', 'table', 'local', ...words], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
