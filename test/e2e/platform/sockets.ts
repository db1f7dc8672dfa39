/** One socket of /proc/net/tcp or tcp6. */
export interface Socket {
  /** Remote IPv4 address as the file writes it, e.g. `0100007F`; of an IPv6 address its last 32 bits. */
  readonly remote: string;
  /** Number of the socket's inode: what `/proc/<pid>/fd/*` links to. */
  readonly inode: string;
}

/** TIME_WAIT: the kernel's memory of a connection that is closed. */
const TIME_WAIT = '06';

/** The sockets that are not closed. @param lines of /proc/net/tcp and tcp6 (proc(5)), headings included */
export function openSockets(lines: readonly string[]): readonly Socket[] {
  return lines.flatMap((line) => {
    const [slot = '', , remote = '', state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
    if (!/^\d+:$/.test(slot) || state === TIME_WAIT) return [];
    return [{ remote: (remote.split(':')[0] ?? '').slice(-8), inode }];
  });
}

/** An IPv4 address as /proc/net/tcp writes it: hexadecimal, the last octet first. */
export function procAddress(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0').toUpperCase());
  return octets.reverse().join('');
}
