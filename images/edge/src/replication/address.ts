import { isIP } from 'node:net';

/** The host of `host:port`, where it is an IP address (IPv6 in brackets); null otherwise: pods are never named. */
export function hostOf(address: string): string | null {
  const host = address.slice(0, address.lastIndexOf(':'));
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const family = isIP(bare);
  return (family === 4 || (family === 6 && bare !== host)) && /:\d{1,5}$/.test(address) ? host : null;
}
