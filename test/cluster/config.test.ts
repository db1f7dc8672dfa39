import { describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';

describe('the caches and the state', () => {
  test.each([
    ['lie in the home folder', { HOME: '/home/a' }, '/home/a/.cache/sluice', '/home/a/.cache/sluice/cluster'],
    ['follow XDG_CACHE_HOME', { HOME: '/home/a', XDG_CACHE_HOME: '/x' }, '/x/sluice', '/x/sluice/cluster'],
    ['follow SLUICE_CACHE', { HOME: '/h', XDG_CACHE_HOME: '/x', SLUICE_CACHE: '/c' }, '/c', '/c/cluster'],
    ['part with SLUICE_STATE', { HOME: '/h', SLUICE_CACHE: '/c', SLUICE_STATE: '/s' }, '/c', '/s'],
    [
      'take an empty variable as unset',
      { HOME: '/h', SLUICE_CACHE: '', SLUICE_STATE: '' },
      '/h/.cache/sluice',
      '/h/.cache/sluice/cluster',
    ],
  ])('%s', (_, environment, cache, state) => {
    const config = readConfig(environment);
    expect(config.cacheDirectory).toBe(cache);
    expect(config.stateDirectory).toBe(state);
  });
});
