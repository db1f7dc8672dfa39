import { describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';

const MINIMAL = { SLUICE_POD_NAME: 'edge-0', SLUICE_POD_UID: 'uid-0', SLUICE_POD_IP: '10.0.0.7' };

describe('readConfig', () => {
  test('needs no more than the pod it runs in', () => {
    expect(readConfig(MINIMAL)).toMatchObject({
      bindAddress: '::',
      httpPort: 8080,
      internalPort: 8081,
      linkPort: 8443,
      operationsPort: 9090,
      runDirectory: '/run/sluice',
      allowedCidrs: [],
      accessLog: false,
      mediaBytes: 9_663_676_416,
    });
  });

  test.each([
    ['500M', 450_000_000],
    ['1.5Gi', 1_449_551_462],
    ['1000', 900],
  ])('leaves a tenth of a volume of %s to what is not a segment', (text, mediaBytes) => {
    expect(readConfig({ ...MINIMAL, SLUICE_MEDIA_SIZE_LIMIT: text }).mediaBytes).toBe(mediaBytes);
  });

  test('takes a list of networks with spaces', () => {
    expect(readConfig({ ...MINIMAL, SLUICE_ALLOWED_CIDRS: '10.0.0.0/8, fd00::/8,' }).allowedCidrs).toEqual([
      '10.0.0.0/8',
      'fd00::/8',
    ]);
  });

  test.each([20_000, null])('knows how many files a process may have open: %p', (limit) => {
    expect(readConfig(MINIMAL, () => limit).openFilesLimit).toBe(limit);
  });

  test('takes an empty variable for one that is not there', () => {
    expect(readConfig({ ...MINIMAL, SLUICE_HTTP_PORT: '' }).httpPort).toBe(8080);
  });

  test.each([
    ['SLUICE_HTTP_PORT', '0'],
    ['SLUICE_HTTP_PORT', 'http'],
    ['SLUICE_POD_IP', 'localhost'],
    ['SLUICE_RUN_DIRECTORY', 'run'],
    ['SLUICE_ALLOWED_CIDRS', '10.0.0.0/33'],
    ['SLUICE_ALLOWED_CIDRS', '10.0.0.0'],
    ['SLUICE_LOG_LEVEL', 'loud'],
    ['SLUICE_MEDIA_SIZE_LIMIT', '10 GB'],
    ['SLUICE_MEDIA_SIZE_LIMIT', '0'],
    ['SLUICE_ACCESS_LOG', 'yes'],
  ])('names %s when it is "%s"', (name, value) => {
    expect(() => readConfig({ ...MINIMAL, [name]: value })).toThrow(new RegExp(`${name}: `));
  });

  test('names all missing variables at once', () => {
    expect(() => readConfig({})).toThrow(
      'SLUICE_POD_NAME is missing; SLUICE_POD_UID is missing; SLUICE_POD_IP is missing',
    );
  });
});
