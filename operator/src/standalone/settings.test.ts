import { describe, expect, test } from '@jest/globals';
import { readStandaloneSettings } from './settings.ts';

describe('settings of the standalone mode', () => {
  test('are none where the command line does not ask for it', () => {
    expect(readStandaloneSettings({}, ['--feature-gates=A=true'])).toBeNull();
  });

  test('have defaults for everything but the input', () => {
    expect(readStandaloneSettings({ PATH: '/bin' }, ['--standalone', 'examples'])).toMatchObject({
      input: 'examples',
      pagePort: 8080,
      path: '/bin',
      allowedCidrs: ['127.0.0.0/8'],
      allLogs: false,
    });
  });

  test('are read from options and variables', () => {
    const environment = {
      SLUICE_PORT: '9000',
      SLUICE_PROGRAMS: '/p',
      SLUICE_ALLOWED_CIDRS: '10.0.0.0/8, ',
      SLUICE_LOGS: 'all',
    };
    expect(readStandaloneSettings(environment, ['--standalone=a.yaml'])).toMatchObject({
      input: 'a.yaml',
      pagePort: 9000,
      programs: { bundles: '/p' },
      allowedCidrs: ['127.0.0.0/8', '10.0.0.0/8'],
      allLogs: true,
    });
  });

  test.each<[string, Record<string, string>, string[], string]>([
    ['a missing path', {}, ['--standalone'], 'standalone'],
    ['an unknown option', {}, ['--standalone', 'a', '--api'], '--api'],
    ['a port that is none', { SLUICE_PORT: 'x' }, ['--standalone', 'a'], 'SLUICE_PORT'],
    ['a page without a port', { SLUICE_PORT: '0' }, ['--standalone', 'a'], 'SLUICE_PORT'],
    ['a wrong choice', { SLUICE_LOGS: 'some' }, ['--standalone', 'a'], 'SLUICE_LOGS'],
  ])('refuse %s by name', (_what, environment, args, name) => {
    const read = () => readStandaloneSettings(environment, args);
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(name) }));
  });
});
