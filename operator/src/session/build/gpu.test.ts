import { describe, expect, test } from '@jest/globals';
import { jobSchema } from '@sluice/common/work/contract.ts';
import { type ChannelSpecInput, type Gpu, gpuSchema } from '@sluice/crds';
import { buildSession } from '../../channel/build/session.ts';
import { channelFixture } from '../../testing/fixtures.ts';
import { buildPod } from './pod.ts';

const SETTINGS = { image: 'sluice/transcoder:1', pullPolicy: 'Never', edgeUrl: 'http://edge:8081' } as const;
const RUNG = { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 };

/** The parts of a pod's manifest that the tests look at. */
interface Manifest {
  readonly metadata: { readonly annotations?: Record<string, string> };
  readonly spec: {
    readonly runtimeClassName?: string;
    readonly nodeSelector: Record<string, string>;
    readonly tolerations: readonly { key: string }[];
    readonly securityContext: { readonly supplementalGroups?: readonly number[] };
    readonly containers: readonly [
      {
        readonly env: readonly { name: string; value: string }[];
        readonly resources: { requests: Record<string, unknown>; limits: Record<string, unknown> };
        readonly securityContext: object;
      },
    ];
  };
}

function podWith(transcode: NonNullable<ChannelSpecInput['transcode']>, gpuRefusal: string | null = null): Manifest {
  const session = buildSession(channelFixture({ transcode }), 'film-7', [RUNG]);
  return buildPod(session, 2, gpuRefusal, SETTINGS) as unknown as Manifest;
}

function environmentOf({ spec }: Manifest): Record<string, string> {
  return Object.fromEntries(spec.containers[0].env.map(({ name, value }) => [name, value]));
}

const FULL: Gpu = gpuSchema.parse({
  nodeSelector: { 'nvidia.com/gpu.present': 'true' },
  tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'gpu' }],
  runtimeClassName: 'nvidia',
  supplementalGroups: [44, 109],
});

describe('a transcode pod with a GPU', () => {
  const resources: readonly [string, boolean][] = [
    ['nvidia.com/gpu', true],
    ['nvidia.com/gpu.shared', true],
    ['nvidia.com/mig-1g.10gb', true],
    ['amd.com/gpu', false],
    ['gpu.intel.com/i915', false],
    ['gpu.intel.com/xe', false],
  ];
  test.each(resources)('asks for %s, and names driver capabilities to NVIDIA alone', (resourceName, isNvidia) => {
    const pod = podWith({ gpu: { resourceName } });
    const { requests, limits } = pod.spec.containers[0].resources;
    expect(requests).toEqual({ cpu: '1', memory: '512Mi', [resourceName]: 1 });
    expect(limits).toEqual({ memory: '2Gi', [resourceName]: 1 });
    const environment = environmentOf(pod);
    expect(environment.NVIDIA_DRIVER_CAPABILITIES).toBe(isNvidia ? 'compute,video,utility' : undefined);
    expect(Object.keys(environment)).not.toContain('NVIDIA_VISIBLE_DEVICES');
  });

  test('asks for one whole GPU of NVIDIA where the Channel says no more than that it wants one', () => {
    expect(podWith({ gpu: {} }).spec.containers[0].resources.limits['nvidia.com/gpu']).toBe(1);
    expect(podWith({}).spec.containers[0].resources.limits).toEqual({ memory: '2Gi' });
  });

  test('asks for as many as the Channel says, whatever stands among its other resources', () => {
    const limits = { 'nvidia.com/gpu': 4, memory: '1Gi' };
    const { resources: asked } = podWith({ gpu: { count: 2 }, resources: { limits } }).spec.containers[0];
    expect(asked).toEqual({ requests: { 'nvidia.com/gpu': 2 }, limits: { 'nvidia.com/gpu': 2, memory: '1Gi' } });
  });

  test('goes to GPU nodes, with their runtime and the groups of their devices', () => {
    const { spec } = podWith({ gpu: FULL, nodeSelector: { disk: 'fast' } });
    expect(spec.nodeSelector).toEqual({
      'kubernetes.io/os': 'linux',
      disk: 'fast',
      'nvidia.com/gpu.present': 'true',
    });
    expect(spec.tolerations.slice(2)).toEqual([
      { key: 'nvidia.com/gpu', operator: 'Exists' },
      { key: 'dedicated', operator: 'Equal', value: 'gpu' },
    ]);
    expect(spec.runtimeClassName).toBe('nvidia');
    expect(spec.securityContext.supplementalGroups).toEqual([44, 109]);
  });

  test('stays as restricted as one without', () => {
    const [bare, full] = [podWith({}), podWith({ gpu: FULL })].map(({ spec }) => spec);
    const { supplementalGroups: _groups, ...context } = full?.securityContext ?? {};
    expect(context).toEqual(bare?.securityContext);
    expect(full?.containers[0].securityContext).toEqual(bare?.containers[0].securityContext);
  });
});

describe('a CPU pod in place of one with a GPU', () => {
  const pod = podWith({ gpu: FULL, resources: { limits: { 'nvidia.com/gpu': 1, memory: '1Gi' } } }, 'no node');

  test('asks for nothing of the GPU and says why', () => {
    expect(pod.metadata.annotations).toEqual({ 'sluice.dev/gpu-refusal': 'no node' });
    expect(pod.spec.containers[0].resources).toEqual({ requests: {}, limits: { memory: '1Gi' } });
    expect(pod.spec).toMatchObject({
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      securityContext: { runAsUser: 1000 },
    });
    expect(pod.spec.tolerations).toHaveLength(2);
    expect(pod.spec.runtimeClassName).toBeUndefined();
    expect(pod.spec.securityContext.supplementalGroups).toBeUndefined();
    expect(environmentOf(pod).NVIDIA_DRIVER_CAPABILITIES).toBeUndefined();
  });

  test("tries no GPU, which would be somebody else's", () => {
    const jobOf = (manifest: Manifest) => jobSchema.parse(JSON.parse(environmentOf(manifest).SLUICE_JOB ?? ''));
    expect(jobOf(pod).encoders).toEqual(['libx264']);
    expect(jobOf(podWith({ gpu: FULL })).encoders[0]).toBe('h264_nvenc');
  });
});
