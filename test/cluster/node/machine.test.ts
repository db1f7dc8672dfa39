import { describe, expect, test } from '@jest/globals';
import { masqueradeRules, overlappingRange } from './machine.ts';
import { podResolverConfiguration } from './resolver.ts';

describe('overlappingRange', () => {
  test.each([
    ['no address', [], null],
    ['addresses elsewhere', ['127.0.0.1', '192.0.2.2', '10.97.0.1'], null],
    ['an address among the pods', ['192.0.2.2', '10.244.255.255'], '10.244.0.0/16'],
    ['the first service address', ['10.96.0.0'], '10.96.0.0/16'],
    ['a node address', ['10.245.0.255'], '10.245.0.0/24'],
    ['the one after the node addresses', ['10.245.1.0'], null],
  ])('%s', (_, addresses, range) => expect(overlappingRange(addresses)?.range ?? null).toBe(range));
});

test('pods keep their addresses among themselves, towards Services and nodes', () => {
  expect(masqueradeRules('t')).toContain(
    'ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 10.96.0.0/16, 10.245.0.0/24 } masquerade',
  );
});

describe('the resolver configuration of pods', () => {
  test.each([
    [
      'keeps name servers of the network',
      'nameserver 192.0.2.53\nsearch a.b\n',
      'nameserver 192.0.2.53\nsearch a.b\n',
      true,
    ],
    ['drops loopback, which is another machine inside a pod', 'nameserver 127.0.0.53\noptions x', 'options x', false],
    [
      'drops IPv6 loopback and keeps the rest',
      'nameserver ::1\nnameserver 2001:db8::1',
      'nameserver 2001:db8::1',
      true,
    ],
    ['has nothing to offer without a file', '', '', false],
  ])('%s', (_, machine, text, usable) => expect(podResolverConfiguration(machine)).toEqual({ text, usable }));
});
