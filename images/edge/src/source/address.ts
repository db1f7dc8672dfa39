import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { SluiceError } from '@sluice/common/errors/error.ts';
import ipaddr from 'ipaddr.js';
import { sourceError } from './errors.ts';

/** Decides whether the edge may connect to an IP address. */
export type AddressGuard = (address: string) => boolean;

/**
 * All public IPv6 unicast addresses that are given out (RFC 4291 2.4, IANA). What lies outside is no host of the
 * Internet, whatever a library calls it: IPv4-compatible addresses, local NAT64 prefixes (RFC 8215), site-local ones.
 */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');

/**
 * A guard that admits public unicast addresses and those in `allowedCidrs` (`10.0.0.0/8`, `fd00::/8`): URLs that
 * tenants write must not reach the cluster's own services, cloud metadata or loopback. IPv4 inside IPv6 counts as
 * IPv4. Throws CONFIG_INVALID for something that is no CIDR.
 */
export function addressGuard(allowedCidrs: readonly string[]): AddressGuard {
  const ranges = allowedCidrs.map((cidr) => {
    try {
      return ipaddr.parseCIDR(cidr);
    } catch (error) {
      throw new SluiceError(`SLUICE_ALLOWED_CIDRS: "${cidr}" is no CIDR such as 10.0.0.0/8`, {
        code: 'CONFIG_INVALID',
        retryable: false,
        cause: error,
      });
    }
  });
  return (text) => {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    if (ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits))) return true;
    if (address.range() !== 'unicast') return false;
    return address.kind() === 'ipv4' || address.match(GLOBAL_IPV6);
  };
}

/** The error for an address that the guard refuses. */
export function forbiddenAddress(hostname: string): SluiceError {
  return sourceError(
    'SOURCE_FORBIDDEN_ADDRESS',
    `The source's host ${hostname} has no address that may be reached: only public ones and those that the administrator allows (sources.allowedCIDRs)`,
    { retryable: false },
  );
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Looks up all addresses of a name, as `dns.lookup` does. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A `lookup` for sockets that answers with admitted addresses only: checked at connect, after name resolution, so a
 * name that changes its address between check and use gains nothing.
 */
export function guardedLookup(guard: AddressGuard, resolve: Resolve = lookup) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const admitted = addresses.filter((address) => guard(address.address));
      const first = admitted[0];
      if (first === undefined) callback(forbiddenAddress(hostname), []);
      else if (options.all === true) callback(null, admitted);
      else callback(null, first.address, first.family);
    });
  };
}

/** Whether a URL's host is an address literal, which sockets never look up, that the guard refuses. */
export function isForbiddenLiteral(guard: AddressGuard, url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !guard(host);
}
