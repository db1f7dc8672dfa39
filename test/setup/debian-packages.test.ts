import { describe, expect, test } from '@jest/globals';
import { installAdvice, missingRequirements } from './debian-packages.ts';

const REQUIREMENTS = [
  { needs: 'ctr', debianPackage: 'containerd' },
  { needs: 'containerd', debianPackage: 'containerd' },
  { needs: '/usr/lib/cni/ptp', debianPackage: 'containernetworking-plugins' },
];

describe('missingRequirements', () => {
  test('looks for programs in every folder of PATH and for files at their place', () => {
    const present = new Set(['/sbin/ctr', '/usr/lib/cni/ptp']);
    const missing = missingRequirements(REQUIREMENTS, '/bin::/sbin', (file) => present.has(file));
    expect(missing.map((one) => one.needs)).toEqual(['containerd']);
  });

  test('finds nothing in an empty PATH', () => {
    expect(missingRequirements(REQUIREMENTS, '', () => true).map((one) => one.needs)).toEqual(['ctr', 'containerd']);
  });
});

test('the advice names each package once', () => {
  expect(installAdvice(REQUIREMENTS)).toBe(
    'apt-get install --no-install-recommends containerd containernetworking-plugins',
  );
});
