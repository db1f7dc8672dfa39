import { expect, test } from '@jest/globals';
import { openSockets, procAddress } from './sockets.ts';

const LINES = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
  '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000',
  '   1: 0100007F:C350 0504030A:0050 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000',
  '   2: 0100007F:C351 0504030A:0050 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000',
  '   3: 0000000000000000FFFF00000100007F:C352 0000000000000000FFFF00000504030A:0050 01 00000000:00000000 00:00000000 00000000  1000        0 4713 1',
];

test('open sockets have their remote address and inode, those of IPv4 in IPv6 too; closed ones are left out', () => {
  expect(openSockets(LINES)).toEqual([
    { remote: '00000000', inode: '4711' },
    { remote: procAddress('10.3.4.5'), inode: '4712' },
    { remote: procAddress('10.3.4.5'), inode: '4713' },
  ]);
});
