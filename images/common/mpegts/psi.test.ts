import { describe, expect, test } from '@jest/globals';
import { readPackets } from './packet.ts';
import { findProgram, ProgramFinder } from './program.ts';
import { readPat, SectionReader } from './psi.ts';
import { StreamWriter, TEST_PIDS } from './stream.testing.ts';

describe('tables', () => {
  test('name the program with its first video and audio', () => {
    const bytes = new StreamWriter().tables([
      { pid: 0x200, streamType: 0x15 },
      { pid: 0x201, streamType: 0x24 },
      { pid: 0x202, streamType: 0x81 },
      { pid: 0x203, streamType: 0x0f },
    ]);
    expect(findProgram(bytes)).toEqual({
      pmtPid: TEST_PIDS.pmt,
      pcrPid: 0x200,
      video: { pid: 0x201, streamType: 0x24 },
      audio: { pid: 0x202, streamType: 0x81 },
    });
  });

  test('may span packets', () => {
    const streams = Array.from({ length: 60 }, (_, index) => ({ pid: 0x300 + index, streamType: 0x06 }));
    const bytes = new StreamWriter().tables([...streams, { pid: TEST_PIDS.video, streamType: 0x1b }]);
    expect(bytes.length).toBe(3 * 188);
    expect(findProgram(bytes).video).toEqual({ pid: TEST_PIDS.video, streamType: 0x1b });
  });

  test('may change: a new PAT leads to a new PMT', () => {
    const finder = new ProgramFinder();
    const bytes = new StreamWriter().tables();
    for (const packet of readPackets(bytes)) finder.push(bytes, packet);
    expect(finder.program?.audio?.pid).toBe(TEST_PIDS.audio);
    expect(finder.pmtPid).toBe(TEST_PIDS.pmt);
  });

  test('a wrong checksum is refused', () => {
    const bytes = new StreamWriter().tables();
    bytes[5 + 180] = (bytes[5 + 180] ?? 0) ^ 1;
    expect(() => findProgram(bytes)).toThrow('PAT has a wrong checksum');
  });

  test.each([
    ['PAT is missing', 188],
    ['PMT is missing', 0],
  ])('%s: that is said', (message, from) => {
    const bytes = new StreamWriter().tables().subarray(from, from + 188);
    expect(() => findProgram(bytes)).toThrow(message);
  });

  test('a section of another table is refused', () => {
    expect(() => readPat(new Uint8Array(20).fill(2))).toThrow('table id 2 instead of 0');
    expect(() => readPat(new Uint8Array(5))).toThrow('has 5 bytes');
  });

  test('the rest of a section whose start was missed is ignored', () => {
    const bytes = new StreamWriter().packets(TEST_PIDS.pmt, new Uint8Array(400), false);
    const reader = new SectionReader();
    const rest = [...readPackets(bytes)].slice(1);
    expect(rest.map((packet) => reader.push(bytes, packet))).toEqual([null, null]);
  });
});
