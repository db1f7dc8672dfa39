import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig as readEdgeConfig } from '@sluice/edge/config.ts';
import { readConfig as readOperatorConfig } from '@sluice/operator/config.ts';
import { parse } from 'yaml';
import { essentialContainers, localEdges } from '../chart/local-edges.ts';
import { containersOf, type Manifest, podTemplates } from '../chart/manifests.ts';
import { rightsGrantedBy, rightsUsedBy } from '../chart/operator-calls.ts';
import { restrictedViolations } from '../chart/pod-security.ts';
import { AUTOSCALED, EVERYTHING } from '../chart/settings.ts';
import { type Rendering, renderChart } from '../chart/tools.ts';
import { run } from '../cluster/process/command.ts';
import { readEnvironment } from './environment.ts';

const root = join(import.meta.dirname, '../..');
const chart = join(root, 'charts/sluice');
const { helmPath } = readEnvironment();
/** A release beside the installed one, which is only rendered. */
const release = { helmPath, chart, name: 'sluice-check', namespace: 'sluice-check' };

/** How the operator's code names the kinds. */
const OPERATOR_KINDS = {
  CHANNEL: 'channels.sluice.dev',
  STREAM_SESSION: 'streamsessions.sluice.dev',
  POD: 'pods',
  SECRET: 'secrets',
  ENDPOINT_SLICE: 'endpointslices.discovery.k8s.io',
  EVENT_TYPE: 'events.events.k8s.io',
  DEPLOYMENT: 'deployments.apps',
  LEASE: 'leases.coordination.k8s.io',
  NAMESPACE: 'namespaces',
};

const renderings: { name: string; rendering: () => Rendering }[] = [
  { name: 'default values', rendering: () => plain },
  { name: 'every option', rendering: () => full },
  { name: 'edges that are scaled by their load', rendering: () => autoscaled },
];
let plain: Rendering;
let full: Rendering;
let autoscaled: Rendering;

beforeAll(async () => {
  plain = await renderChart(release);
  full = await renderChart(release, EVERYTHING);
  autoscaled = await renderChart(release, AUTOSCALED);
});

function find(rendering: Rendering, kind: string, name: string): Manifest {
  const found = rendering.manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`the chart renders no ${kind} ${name}`);
  return found;
}

describe('chart', () => {
  test('passes helm lint without a warning', async () => {
    expect(await run(helmPath, ['lint', '--strict', chart])).toContain('0 chart(s) failed');
  });

  const refused: readonly { set: string; message: string }[] = [
    { set: 'edge.replica=3', message: "at '/edge': additional properties 'replica' not allowed" },
    {
      set: 'operator.featureGates.LeaseWatch=maybe',
      message: "at '/operator/featureGates/LeaseWatch': got string, want boolean",
    },
    { set: 'ingres.enabled=true', message: "additional properties 'ingres' not allowed" },
    { set: 'operator.image.tagg=x', message: "at '/operator/image': additional properties 'tagg' not allowed" },
    { set: 'logLevel=loud', message: "at '/logLevel': value must be one of 'trace', 'debug', 'info', 'warn', 'error'" },
    { set: 'sources.allowedCIDRs[0]=10.0.0.0', message: "at '/sources/allowedCIDRs/0': '10.0.0.0' does not match" },
    { set: 'publicURL=live.example.com', message: "at '/publicURL': 'live.example.com' does not match" },
    {
      set: 'edge.terminationGracePeriodSeconds=30',
      message: 'edge.terminationGracePeriodSeconds (30) must be at least edge.preStopSeconds and 40 (50)',
    },
    { set: 'edge.service.port=0', message: "at '/edge/service/port': minimum: got 0, want 1" },
    { set: 'link.existingSecret=keys', message: 'belong together: set both or none' },
    { set: 'edge.autoscaling.enabled=true,edge.replicas=3', message: 'exclude each other: leave edge.replicas out' },
    {
      set: 'edge.autoscaling.enabled=true,edge.autoscaling.minReplicas=11',
      message: 'edge.autoscaling.minReplicas (11) is above maxReplicas (10)',
    },
    {
      set: 'edge.autoscaling.enabled=true,edge.autoscaling.targetViewersPerPod=null',
      message: 'edge.autoscaling has nothing to go by: set targetViewersPerPod',
    },
    { set: 'ingress.enabled=true', message: 'ingress.hosts is empty: name at least one host' },
  ];
  test.each(refused)('refuses --set $set with a message that tells why', async ({ set, message }) => {
    await expect(renderChart(release, ['--set', set])).rejects.toThrow(message);
  });

  describe.each(renderings)('with $name', ({ rendering }) => {
    test('makes only pods of the restricted standard, each container with resources and probes', () => {
      const pods = podTemplates(rendering().manifests);
      expect(pods.map((pod) => pod.owner).sort()).toEqual([
        'Deployment/sluice-check-edge',
        'Deployment/sluice-check-operator',
        'Pod/sluice-check-test',
      ]);
      for (const { owner, spec, hook } of pods) {
        expect({ owner, violations: restrictedViolations(spec) }).toEqual({ owner, violations: [] });
        for (const container of containersOf(spec)) {
          const { requests, limits } = container.resources ?? {};
          expect(requests).toEqual({ cpu: expect.any(String), memory: expect.any(String) });
          expect(limits).toEqual({ memory: expect.any(String) });
          const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].filter((probe) => probe in container);
          expect(probes).toHaveLength(hook ? 0 : 3);
        }
      }
    });

    test('gives edges no Kubernetes credentials', () => {
      const account = find(rendering(), 'ServiceAccount', 'sluice-check-edge');
      expect(account.automountServiceAccountToken).toBe(false);
      const pod = find(rendering(), 'Deployment', 'sluice-check-edge').spec.template.spec;
      expect(pod).toMatchObject({ automountServiceAccountToken: false, serviceAccountName: 'sluice-check-edge' });
      const bindings = rendering().manifests.filter((manifest) => manifest.kind.endsWith('Binding'));
      const bound = bindings.flatMap((binding) => binding.subjects.map((subject: { name: string }) => subject.name));
      expect(new Set(bound)).toEqual(new Set(['sluice-check-operator']));
    });

    test('names no environment variable twice', () => {
      for (const container of podTemplates(rendering().manifests).flatMap((pod) => containersOf(pod.spec))) {
        const names = (container.env ?? []).map((variable) => variable.name);
        expect(names).toEqual([...new Set(names)]);
      }
    });

    test('grants no wildcard, and Secrets neither list nor watch', () => {
      const roles = rendering().manifests.filter((manifest) => ['Role', 'ClusterRole'].includes(manifest.kind));
      expect(roles.length).toBeGreaterThanOrEqual(2);
      for (const rule of roles.flatMap((role) => role.rules)) {
        expect([...rule.apiGroups, ...rule.resources, ...rule.verbs]).not.toContain('*');
        if (rule.resources.includes('secrets')) expect(rule.verbs).not.toEqual(expect.arrayContaining(['list']));
        if (rule.resources.includes('secrets')) expect(rule.verbs).not.toEqual(expect.arrayContaining(['watch']));
      }
    });

    test('lets every Service find a pod that has its port', () => {
      const pods = podTemplates(rendering().manifests);
      const services = rendering().manifests.filter((manifest) => manifest.kind === 'Service');
      expect(services.map((service) => service.metadata.name)).toEqual([
        'sluice-check-edge',
        'sluice-check-edge-internal',
      ]);
      for (const service of services) {
        const chosen = pods.filter(({ labels }) =>
          Object.entries(service.spec.selector).every(([key, value]) => labels[key] === value),
        );
        expect(chosen.map((pod) => pod.owner)).toEqual(['Deployment/sluice-check-edge']);
        const ports = chosen.flatMap((pod) => containersOf(pod.spec)).flatMap((container) => container.ports ?? []);
        for (const { targetPort } of service.spec.ports) expect(ports.map((port) => port.name)).toContain(targetPort);
      }
    });
  });

  test('makes budgets for disruptions where there is more than one replica, or where it is told so', async () => {
    const budgets = ({ manifests }: Rendering): readonly string[] =>
      manifests.filter(({ kind }) => kind === 'PodDisruptionBudget').map(({ metadata }) => metadata.name);
    const both = ['sluice-check-edge', 'sluice-check-operator'];
    expect([budgets(plain), budgets(full), budgets(autoscaled)]).toEqual([[], both, ['sluice-check-edge']]);
    const told = [
      'operator.podDisruptionBudget.enabled=true',
      'edge.replicas=2',
      'edge.podDisruptionBudget.enabled=false',
    ];
    expect(budgets(await renderChart(release, ['--set', told.join(',')]))).toEqual(['sluice-check-operator']);
  });

  test('grants the operator exactly the rights that its code uses', () => {
    const folder = join(root, 'operator/src');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (file) =>
        file.endsWith('.ts') && !file.endsWith('.test.ts') && !/(^|\/)(testing|example|standalone)\//.test(file),
    );
    const source = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
    const granted = ({ manifests }: Rendering): readonly string[] =>
      rightsGrantedBy(
        manifests
          .filter(({ metadata }) => metadata.name === 'sluice-check-operator')
          .flatMap(({ rules }) => rules ?? []),
      );
    expect(granted(autoscaled)).toEqual(rightsUsedBy(source, OPERATOR_KINDS));
    const ofScaling = ['get deployments.apps/scale', 'patch deployments.apps/scale', 'patch pods'];
    expect(granted(plain)).toEqual(granted(autoscaled).filter((right) => !ofScaling.includes(right)));
  });

  test('says nothing of the number of edges where the operator keeps it', () => {
    const replicas = (rendering: Rendering) => find(rendering, 'Deployment', 'sluice-check-edge').spec.replicas;
    expect([replicas(plain), replicas(full), replicas(autoscaled)]).toEqual([1, 3, undefined]);
    expect(readOperatorConfig(environmentOf(plain, 'operator', 'operator')).edgeScale).toBeNull();
    expect(readOperatorConfig(environmentOf(autoscaled, 'operator', 'operator')).edgeScale).toEqual({
      deployment: 'sluice-check-edge',
      minReplicas: 2,
      maxReplicas: 10,
      targets: { viewers: 1000, egressBitsPerSecond: 4e9, requestsPerSecond: 2000 },
      tolerance: 0.1,
      scaleDownStabilizationSeconds: 300,
    });
  });

  test('leaves to the operator what values of an older release do not say of scaling, instead of calling it 0', async () => {
    const old = await renderChart(release, ['--set', 'edge.autoscaling=null']);
    expect(readOperatorConfig(environmentOf(old, 'operator', 'operator')).edgeScale).toBeNull();
    const unsaid = ['minReplicas', 'maxReplicas', 'tolerancePercent', 'scaleDownStabilizationSeconds'];
    const set = ['enabled=true', ...unsaid.map((value) => `${value}=null`)].map((each) => `edge.autoscaling.${each}`);
    const scaled = await renderChart(release, ['--set', set.join(',')]);
    const expected = { minReplicas: 1, maxReplicas: 10, tolerance: 0.1, scaleDownStabilizationSeconds: 300 };
    expect(readOperatorConfig(environmentOf(scaled, 'operator', 'operator')).edgeScale).toMatchObject(expected);
  });

  test('routes only what viewers need from outside', () => {
    expect(plain.manifests.some((manifest) => manifest.kind === 'Ingress')).toBe(false);
    const ingress = find(full, 'Ingress', 'sluice-check');
    for (const rule of ingress.spec.rules) {
      const paths: { path: string; backend: { service: object } }[] = rule.http.paths;
      expect(paths.map((path) => path.path)).toEqual(['/live', '/api', '/watch', '/assets']);
      for (const { backend } of paths) {
        expect(backend.service).toEqual({ name: 'sluice-check-edge', port: { name: 'http' } });
      }
    }
  });

  test('hands the values on, in words that the programs understand', () => {
    expect(readOperatorConfig(environmentOf(full, 'operator', 'operator'))).toMatchObject({
      edgeService: 'sluice-check-edge-internal',
      edgeInternalUrl: 'http://sluice-check-edge-internal.sluice-check.svc:8081',
      linkSecret: 'keys',
      linkOperatorSecret: 'operator-keys',
      publicUrl: 'https://live.example.com',
      transcoderImage: `registry.example.com/sluice/transcoder:${chartVersion()}`,
      transcoderPullPolicy: 'IfNotPresent',
      lease: 'sluice-check-operator',
      encoders: { preferHardware: false, hardwareFallback: false },
      agentEnvironment: {
        SLUICE_FORCE_KILL_SECONDS: '3',
        SLUICE_WARNING_CPU_PERCENT: '90',
        SLUICE_WARNING_AFTER_SECONDS: '0',
        SLUICE_WARNING_MEMORY_MEGABYTES: '1000000',
      },
      features: { LeaseWatch: false },
      operationsPort: 9090,
      logLevel: 'debug',
    });
    expect(readOperatorConfig(environmentOf(plain, 'operator', 'operator'))).toMatchObject({
      linkSecret: 'sluice-check-link',
      linkOperatorSecret: 'sluice-check-link-operator',
      publicUrl: '',
    });
    expect(readEdgeConfig(environmentOf(full, 'edge', 'sidecar'))).toMatchObject({
      httpPort: 8080,
      internalPort: 8081,
      linkPort: 8443,
      operationsPort: 9090,
      runDirectory: '/run/sluice',
      mediaDirectory: '/var/lib/sluice/media',
      linkDirectory: '/etc/sluice/link',
      pageDirectory: '/app/page',
      allowedCidrs: ['10.96.0.0/12', 'fd00::/8'],
      accessLog: false,
    });
    expect(readEdgeConfig(environmentOf(plain, 'edge', 'sidecar'))).toMatchObject({ allowedCidrs: [] });
  });

  test('runs edges that a start without Kubernetes runs, too', async () => {
    const { manifests } = await renderChart({ ...release, name: 'sluice' });
    const chart = manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'sluice-edge');
    if (chart === undefined) throw new Error('the chart renders no edges');
    expect(essentialContainers(localEdges())).toEqual(essentialContainers(chart));
  });

  test('carries exactly the generated CustomResourceDefinitions, kept at removal', async () => {
    const folder = join(chart, 'files/crds');
    const generated = readdirSync(folder).map((file) => parse(readFileSync(join(folder, file), 'utf8')) as Manifest);
    const rendered = plain.manifests.filter((manifest) => manifest.kind === 'CustomResourceDefinition');
    expect(rendered.map((crd) => crd.metadata.name).sort()).toEqual([
      'channels.sluice.dev',
      'streamsessions.sluice.dev',
    ]);
    for (const crd of rendered) {
      expect(crd.spec).toEqual(generated.find((one) => one.metadata.name === crd.metadata.name)?.spec);
      expect(crd.metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
    }
    const without = await renderChart(release, ['--set', 'crds.enabled=false']);
    expect(without.text).not.toContain('CustomResourceDefinition');
  });
});

/** A container's variables as it would see them, with an address where Kubernetes fills in a field of the pod. */
function environmentOf(rendering: Rendering, component: string, container: string): Record<string, string> {
  const spec = find(rendering, 'Deployment', `sluice-check-${component}`).spec.template.spec;
  const found = containersOf(spec).find((one) => one.name === container);
  return Object.fromEntries((found?.env ?? []).map(({ name, value }) => [name, value ?? '10.244.0.7']));
}

function chartVersion(): string {
  return (parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as { appVersion: string }).appVersion;
}
