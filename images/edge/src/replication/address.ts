import { isIP } from 'node:net';

const MAX_PORT = 65_535;

/** The host of `host:port`, where it is an IP address (IPv6 in brackets); null otherwise: pods are never named. */
export function hostOf(address: string): string | null {
  const end = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, end), address.slice(end + 1)];
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const family = isIP(bare);
  if (family !== 4 && (family !== 6 || bare === host)) return null;
  return /^\d{1,5}$/.test(port) && Number(port) <= MAX_PORT ? host : null;
}
