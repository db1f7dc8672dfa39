import { describe, expect, test } from '@jest/globals';
import { printable, readConfig } from './config.ts';
import { ENVIRONMENT_ALIASES } from './environment-aliases.ts';

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
      edgeScale: null,
      logLevel: 'info',
      kubeconfig: '',
    });
  });

  test('shows with what it keeps the number of edges', () => {
    const set = { SLUICE_EDGE_DEPLOYMENT: 'sluice-edge', SLUICE_EDGE_TARGET_VIEWERS: '500' };
    expect(printable(readConfig({ ...ENVIRONMENT, ...set }))).toMatchObject({
      edgeScale: { deployment: 'sluice-edge', minReplicas: 1, maxReplicas: 10, targets: { viewers: 500 } },
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

  test('passes what is set on to the agents, and nothing else', () => {
    expect(readConfig(ENVIRONMENT).agentEnvironment).toEqual({});
    const set = {
      SLUICE_WARNING_CPU_PERCENT: '90',
      SLUICE_FORCE_KILL_SECONDS: '2.5',
      SLUICE_WARNING_AFTER_SECONDS: '',
    };
    expect(readConfig({ ...ENVIRONMENT, ...set }).agentEnvironment).toEqual({
      SLUICE_WARNING_CPU_PERCENT: '90',
      SLUICE_FORCE_KILL_SECONDS: '2.5',
    });
  });

  const ALIASES: readonly { readonly alias: string; readonly value: string; readonly config: object }[] = [
    { alias: 'MAX_CONCURRENT_STREAMS_PER_USER', value: '2', config: { limits: { perOwner: 2, total: 20 } } },
    { alias: 'MAX_CONCURRENT_STREAMS_GLOBAL', value: '8', config: { limits: { perOwner: 5, total: 8 } } },
    {
      alias: 'RESOURCE_WARNING_CPU_PERCENT',
      value: '70',
      config: { agentEnvironment: { SLUICE_WARNING_CPU_PERCENT: '70' } },
    },
    {
      alias: 'RESOURCE_WARNING_MEMORY_MB',
      value: '500',
      config: { agentEnvironment: { SLUICE_WARNING_MEMORY_MEGABYTES: '500' } },
    },
    {
      alias: 'RESOURCE_MONITOR_INTERVAL_MS',
      value: '15000',
      config: { agentEnvironment: { SLUICE_WARNING_AFTER_SECONDS: '15' } },
    },
    {
      alias: 'FORCE_KILL_TIMEOUT_MS',
      value: '2500',
      config: { agentEnvironment: { SLUICE_FORCE_KILL_SECONDS: '2.5' } },
    },
    {
      alias: 'PREFER_HARDWARE_ENCODING',
      value: 'false',
      config: { encoders: { preferHardware: false, hardwareFallback: true } },
    },
    {
      alias: 'HARDWARE_ENCODER_FALLBACK',
      value: 'false',
      config: { encoders: { preferHardware: true, hardwareFallback: false } },
    },
  ];

  test.each(ALIASES)('knows $alias', ({ alias, value, config }) => {
    expect(readConfig({ ...ENVIRONMENT, [alias]: value })).toMatchObject(config);
  });

  test('is asked for every alias by the cases above', () => {
    expect(ALIASES.map(({ alias }) => alias)).toEqual(ENVIRONMENT_ALIASES.map(({ alias }) => alias));
  });

  test('prefers its own names, and names the alias where that is wrong', () => {
    const both = { SLUICE_MAX_SESSIONS: '3', MAX_CONCURRENT_STREAMS_GLOBAL: '8' };
    expect(readConfig({ ...ENVIRONMENT, ...both }).limits).toEqual({ perOwner: 5, total: 3 });
    const wrong = {
      MAX_CONCURRENT_STREAMS_GLOBAL: '0',
      FORCE_KILL_TIMEOUT_MS: 'soon',
      PREFER_HARDWARE_ENCODING: 'yes',
    };
    expect(() => readConfig({ ...ENVIRONMENT, ...wrong })).toThrow(
      /MAX_CONCURRENT_STREAMS_GLOBAL:.*FORCE_KILL_TIMEOUT_MS:.*PREFER_HARDWARE_ENCODING:/,
    );
  });

  test('takes an empty variable for one that a template left out', () => {
    const empty = Object.fromEntries(ENVIRONMENT_ALIASES.map(({ own }) => [own, '']));
    expect(readConfig({ ...ENVIRONMENT, ...empty })).toEqual(readConfig(ENVIRONMENT));
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
