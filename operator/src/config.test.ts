import { describe, expect, test } from '@jest/globals';
import { printable, readConfig } from './config.ts';

const ENVIRONMENT = {
  SLUICE_NAMESPACE: 'sluice',
  SLUICE_EDGE_SERVICE: 'sluice-edge-internal',
  SLUICE_EDGE_INTERNAL_URL: 'http://sluice-edge-internal.sluice.svc:8081/',
  SLUICE_LINK_SECRET: 'sluice-link',
  SLUICE_LINK_OPERATOR_SECRET: 'sluice-link-operator',
  SLUICE_TRANSCODER_IMAGE: 'sluice/transcoder:0.1.0',
};

describe('the configuration', () => {
  test('needs only what has no sensible default', () => {
    expect(readConfig(ENVIRONMENT)).toMatchObject({
      edgeInternalUrl: 'http://sluice-edge-internal.sluice.svc:8081',
      publicUrl: '',
      transcoderPullPolicy: 'IfNotPresent',
      operationsPort: 9090,
      bindAddress: '',
      logLevel: 'info',
      kubeconfig: '',
    });
  });

  test('listens on one address only where it is told so', () => {
    expect(readConfig({ ...ENVIRONMENT, SLUICE_BIND_ADDRESS: '::' }).bindAddress).toBe('');
    expect(readConfig({ ...ENVIRONMENT, SLUICE_BIND_ADDRESS: '10.0.0.7' }).bindAddress).toBe('10.0.0.7');
    expect(() => readConfig({ ...ENVIRONMENT, SLUICE_BIND_ADDRESS: 'localhost' })).toThrow('SLUICE_BIND_ADDRESS');
  });

  test('names every variable that is missing or wrong', () => {
    const wrong = {
      ...ENVIRONMENT,
      SLUICE_NAMESPACE: '',
      SLUICE_OPERATIONS_PORT: '70000',
      SLUICE_PUBLIC_URL: 'ftp://x',
    };
    expect(() => readConfig(wrong)).toThrow(/SLUICE_NAMESPACE.*SLUICE_PUBLIC_URL.*SLUICE_OPERATIONS_PORT/);
  });

  test('knows the limits by other names too, and prefers its own', () => {
    expect(readConfig(ENVIRONMENT).limits).toEqual({ perOwner: 5, total: 20 });
    const others = { MAX_CONCURRENT_STREAMS_PER_USER: '2', MAX_CONCURRENT_STREAMS_GLOBAL: '8' };
    expect(readConfig({ ...ENVIRONMENT, ...others }).limits).toEqual({ perOwner: 2, total: 8 });
    const own = { ...ENVIRONMENT, ...others, SLUICE_MAX_SESSIONS_PER_OWNER: '3' };
    expect(readConfig(own).limits).toEqual({ perOwner: 3, total: 8 });
    expect(() => readConfig({ ...ENVIRONMENT, MAX_CONCURRENT_STREAMS_GLOBAL: '0' })).toThrow(/SLUICE_MAX_SESSIONS:/);
  });

  test('takes feature gates from the command line before the environment, and refuses unknown ones', () => {
    expect(readConfig(ENVIRONMENT).features).toEqual({ DebugPages: false, LeaseWatch: true, PriorityQueue: true });
    const environment = { ...ENVIRONMENT, SLUICE_FEATURE_GATES: 'LeaseWatch=false' };
    expect(readConfig(environment).features.LeaseWatch).toBe(false);
    expect(readConfig(environment, ['--feature-gates', 'PriorityQueue=false']).features).toEqual({
      DebugPages: false,
      LeaseWatch: true,
      PriorityQueue: false,
    });
    expect(() => readConfig(ENVIRONMENT, ['--feature-gates=Leasewatch=true'])).toThrow('there is no gate Leasewatch');
    expect(() => readConfig(ENVIRONMENT, ['--feature-gate=LeaseWatch=true'])).toThrow(
      "Unknown option '--feature-gate'",
    );
  });

  test('prints no password', () => {
    const config = readConfig({ ...ENVIRONMENT, SLUICE_PUBLIC_URL: 'https://user:secret@tv.example' });
    expect(JSON.stringify(printable(config))).not.toContain('secret');
  });
});
