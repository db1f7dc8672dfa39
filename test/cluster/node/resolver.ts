import { isIPv4 } from 'node:net';

/**
 * The resolv.conf that the kubelet hands to pods outside the cluster's DNS: the machine's, without name servers on
 * loopback, which mean something else inside a pod (and would let CoreDNS ask itself).
 * @returns the text, and whether a name server is left
 */
export function podResolverConfiguration(machine: string): { readonly text: string; readonly usable: boolean } {
  const lines = machine.split('\n').filter((line) => {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    return address === undefined || !(isIPv4(address) ? address.startsWith('127.') : address.startsWith('::1'));
  });
  return { text: lines.join('\n'), usable: lines.some((line) => /^\s*nameserver\s/.test(line)) };
}
