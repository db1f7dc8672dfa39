import { describe, expect, test } from '@jest/globals';
import type { Mount } from '../../cluster/process/mounts.ts';
import { chargeOf, type Hierarchy, memoryHierarchy } from './memory-cgroup.ts';

const mount = (target: string, type: string, ...options: string[]): Mount => ({ target, type, options });
const UNIFIED = mount('/sys/fs/cgroup/unified', 'cgroup2', 'rw');

describe('memory is counted by', () => {
  const machines: readonly [name: string, mounts: readonly Mount[], expected: Hierarchy | null][] = [
    [
      'version 1 where its hierarchies are mounted',
      [mount('/sys/fs/cgroup/cpu', 'cgroup', 'rw', 'cpu'), mount('/sys/fs/cgroup/memory', 'cgroup', 'rw', 'memory')],
      { root: '/sys/fs/cgroup/memory', usageFile: 'memory.usage_in_bytes', inactiveName: 'total_inactive_file' },
    ],
    [
      'version 1 where both are mounted and it has the controller',
      [UNIFIED, mount('/memory', 'cgroup', 'rw', 'memory')],
      { root: '/memory', usageFile: 'memory.usage_in_bytes', inactiveName: 'total_inactive_file' },
    ],
    [
      'version 2 elsewhere',
      [mount('/', 'ext4', 'rw'), UNIFIED],
      { root: '/sys/fs/cgroup/unified', usageFile: 'memory.current', inactiveName: 'inactive_file' },
    ],
    ['nobody where there is neither', [mount('/', 'ext4', 'rw')], null],
  ];
  test.each(machines)('%s', (_name, mounts, expected) => {
    expect(memoryHierarchy(mounts)).toEqual(expected);
  });
});

describe('the working set is what is charged but inactive pages of files', () => {
  test('of the group and of those below it in version 1', () => {
    const stat = 'cache 900\ninactive_file 100\nactive_file 50\ntotal_cache 1000\ntotal_inactive_file 400\n';
    expect(chargeOf('5000\n', stat, 'total_inactive_file')).toEqual({ workingSetBytes: 4600, inactiveFileBytes: 400 });
  });

  test('in version 2', () => {
    const stat = 'anon 4000\nfile 900\ninactive_file 800\nactive_file 100\n';
    expect(chargeOf('5000\n', stat, 'inactive_file')).toEqual({ workingSetBytes: 4200, inactiveFileBytes: 800 });
  });

  test('and never less than nothing, though one is read after the other', () => {
    expect(chargeOf('5\n', 'inactive_file 8\n', 'inactive_file').workingSetBytes).toBe(0);
  });

  const unknown: readonly [name: string, usage: string, stat: string, message: string][] = [
    ['the charge is no number', 'max', 'inactive_file 8', 'max is no number of bytes'],
    ['the pages of files are missing', '5', 'active_file 8', 'memory.stat has no inactive_file'],
  ];
  test.each(unknown)('unknown, not zero, where %s', (_name, usage, stat, message) => {
    expect(() => chargeOf(usage, stat, 'inactive_file')).toThrow(message);
  });
});
