import { describe, expect, test } from '@jest/globals';
import { readConfig, readDrainConfig, readToken } from './config.ts';

const JOB = {
  rungs: [{ name: '360p', height: 360, bitrateBps: 600_000, audioBitrateBps: 128_000 }],
  encoders: ['libx264'],
  preset: 'veryfast',
};
const ENVIRONMENT = {
  SLUICE_EDGE_URL: 'http://sluice-edge-internal.sluice.svc:8081/',
  SLUICE_SESSION_NAMESPACE: 'default',
  SLUICE_SESSION_NAME: 'film-1',
  SLUICE_ATTEMPT: '1',
  SLUICE_JOB: JSON.stringify(JOB),
};

describe('readConfig', () => {
  test('reads what the pod says, with defaults for the rest', () => {
    expect(readConfig(ENVIRONMENT)).toEqual({
      edgeUrl: 'http://sluice-edge-internal.sluice.svc:8081',
      sessionNamespace: 'default',
      sessionName: 'film-1',
      attempt: 1,
      tokenFile: '/etc/sluice/token/token',
      job: JOB,
      operationsPort: 9090,
      bindAddress: null,
      graceSeconds: 60,
      ffmpegPath: 'ffmpeg',
      forceKillMs: 5000,
      warnings: { cpuPercent: 80, afterMs: 30_000, memoryBytes: null },
      logLevel: 'info',
    });
  });

  test('takes other thresholds from the operator', () => {
    const changes = {
      SLUICE_FORCE_KILL_SECONDS: '2.5',
      SLUICE_WARNING_CPU_PERCENT: '90',
      SLUICE_WARNING_AFTER_SECONDS: '10',
      SLUICE_WARNING_MEMORY_MEGABYTES: '500',
    };
    expect(readConfig({ ...ENVIRONMENT, ...changes })).toMatchObject({
      forceKillMs: 2500,
      warnings: { cpuPercent: 90, afterMs: 10_000, memoryBytes: 500_000_000 },
    });
  });

  test.each<[string, Record<string, string | undefined>, string]>([
    ['the URL is missing', { SLUICE_EDGE_URL: undefined }, 'SLUICE_EDGE_URL'],
    ['the URL is none', { SLUICE_EDGE_URL: 'edge:x' }, 'SLUICE_EDGE_URL'],
    ['the job is no JSON', { SLUICE_JOB: '{' }, 'SLUICE_JOB: is not JSON'],
    [
      'a rung has no height',
      { SLUICE_JOB: '{"rungs":[{}],"encoders":["x"],"preset":""}' },
      'SLUICE_JOB.rungs.0.height',
    ],
    ["the attempt is the source's", { SLUICE_ATTEMPT: '0' }, 'SLUICE_ATTEMPT'],
    ['the attempt is no number', { SLUICE_ATTEMPT: 'one' }, 'SLUICE_ATTEMPT'],
    ['the address is a name', { SLUICE_BIND_ADDRESS: 'localhost' }, 'SLUICE_BIND_ADDRESS'],
    ['the grace period does not suffice', { SLUICE_FORCE_KILL_SECONDS: '9' }, 'SLUICE_FORCE_KILL_SECONDS'],
    ['the port is too high', { SLUICE_OPERATIONS_PORT: '70000' }, 'SLUICE_OPERATIONS_PORT'],
  ])('names the variable: %s', (_, change, message) => {
    expect(() => readConfig({ ...ENVIRONMENT, ...change })).toThrow(message);
  });

  test('names every problem at once', () => {
    expect(() => readConfig({})).toThrow(/SLUICE_EDGE_URL.*SLUICE_SESSION_NAME.*SLUICE_ATTEMPT.*SLUICE_JOB/);
  });

  test.each<[string, string | undefined, string | null]>([
    ['every address', undefined, null],
    ['every address', '::', null],
    ['one address', '127.16.1.2', '127.16.1.2'],
  ])('listens on %s for %p', (_, text, bindAddress) => {
    expect(readConfig({ ...ENVIRONMENT, SLUICE_BIND_ADDRESS: text })).toMatchObject({ bindAddress });
  });

  test.each<[string | undefined, string]>([
    [undefined, 'http://127.0.0.1:9090'],
    ['::', 'http://127.0.0.1:9090'],
    ['127.16.1.2', 'http://127.16.1.2:9090'],
    ['fd00::7', 'http://[fd00::7]:9090'],
  ])('draining needs only port, address and grace period: %p', (address, operationsUrl) => {
    const environment = { SLUICE_GRACE_SECONDS: '30', SLUICE_BIND_ADDRESS: address };
    expect(readDrainConfig(environment)).toEqual({ operationsUrl, graceSeconds: 30 });
  });

  test('a token that is not there is named', () => {
    expect(() => readToken('/nowhere/token')).toThrow('/nowhere/token cannot be read');
  });
});
