import { expect, test } from '@jest/globals';
import { type Memory, rowsOfMemory, type SeenMemory } from './memory-rows.ts';

/** As a sidecar's: much of what is resident is the text of Node.js. */
const charged = (workingSetBytes: number): Memory => ({
  charge: { workingSetBytes, inactiveFileBytes: 90e6 },
  residentBytes: workingSetBytes + 48e6,
  anonymousBytes: workingSetBytes - 4e6,
});
const uncharged = (residentBytes: number): Memory => ({ charge: null, residentBytes, anonymousBytes: 36e6 });

const seen = (memory: (bytes: number) => Memory, extra = 0): SeenMemory => ({
  bare: memory(11e6),
  atStart: memory(35e6 + extra),
  few: { viewers: 10, memory: memory(39e6 + extra) },
  warm: { heartbeats: 100_000, ids: 32, memory: memory(50e6 + extra) },
  many: [
    { viewers: 10_000, memory: memory(55e6 + extra) },
    { viewers: 100_000, memory: memory(165e6 + extra) },
  ],
});

test('the working set is judged, whatever of the text of Node.js is resident', () => {
  const rows = rowsOfMemory(seen(charged));
  expect(rows[0]).toEqual({
    what: 'memory of the sidecar, started: working set, resident, private',
    measured: '35 MB (and 90 MB of files, inactive), 83 MB, 31 MB',
    reference: 'bare node:http: 11 MB (and 90 MB of files, inactive), 59 MB, 7 MB',
    goal: '60 MB working set, met',
  });
  expect(rows.map(({ goal }) => goal)).toEqual([
    '60 MB working set, met',
    '60 MB working set, met',
    '60 MB working set, met',
    '70 MB working set, met',
    '160 MB working set, **missed**',
  ]);
});

test('each viewer costs what came since the warm-up', () => {
  const [, , , some, many] = rowsOfMemory(seen(charged));
  expect(some?.measured).toMatch(/: 500 bytes per viewer$/);
  expect(many?.measured).toMatch(/: 1150 bytes per viewer$/);
});

test('without a cgroup what is resident is judged, and each line says so', () => {
  const rows = rowsOfMemory(seen(uncharged, 20e6));
  expect(rows.map(({ goal }) => goal)).toEqual([
    '60 MB resident, as there is NO CGROUP to ask for the working set, met',
    '60 MB resident, as there is NO CGROUP to ask for the working set, met',
    '60 MB resident, as there is NO CGROUP to ask for the working set, **missed**',
    '70 MB resident, as there is NO CGROUP to ask for the working set, **missed**',
    '160 MB resident, as there is NO CGROUP to ask for the working set, **missed**',
  ]);
  expect(rows[1]).toMatchObject({
    what: 'memory of the sidecar, 10 viewers: resident, private',
    measured: '59 MB, 36 MB',
  });
});
