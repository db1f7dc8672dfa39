import { describe, expect, test } from '@jest/globals';
import { cgroupRoots } from '../node/cgroups.ts';
import { mountsBelow, parseMounts } from './mounts.ts';

const TEXT = `22 1 254:0 / / rw,relatime - ext4 /dev/root rw
30 22 0:26 / /sys/fs/cgroup ro shared:4 - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
40 22 0:40 / /run/s/a rw - overlay overlay rw,lowerdir=/x
41 40 0:41 / /run/s/a/b\\040c rw shared:1 master:2 - tmpfs tmpfs rw
42 22 0:42 / /run/sibling rw - tmpfs tmpfs rw
`;

describe('mounts', () => {
  const mounts = parseMounts(TEXT);

  test('are read with their type, whatever optional fields stand between', () => {
    expect(mounts).toHaveLength(7);
    expect(mounts[5]).toEqual({ target: '/run/s/a/b c', type: 'tmpfs', options: ['rw'] });
  });

  test('below a folder come innermost first, without siblings of a similar name', () => {
    expect(mountsBelow(mounts, ['/run/s'])).toEqual(['/run/s/a/b c', '/run/s/a']);
  });

  test('of cgroup v1 win over the unified one beside them', () => {
    expect(cgroupRoots(mounts)).toEqual(['/sys/fs/cgroup/cpuset']);
    expect(cgroupRoots(mounts.filter((mount) => mount.type !== 'cgroup'))).toEqual(['/sys/fs/cgroup/unified']);
  });
});
