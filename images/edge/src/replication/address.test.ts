import { expect, test } from '@jest/globals';
import { hostOf } from './address.ts';

test.each<[address: string, host: string | null]>([
  ['10.0.0.7:8081', '10.0.0.7'],
  ['[fd00::7]:8081', '[fd00::7]'],
  ['fd00::7:8081', null],
  ['edge-0.edges:8081', null],
  ['10.0.0.7', null],
  ['10.0.0.7:', null],
  ['10.0.0.7:65535', '10.0.0.7'],
  ['10.0.0.7:65536', null],
  ['10.0.0.7:8081/path', null],
])('the host of %s is %s', (address, host) => {
  expect(hostOf(address)).toBe(host);
});
