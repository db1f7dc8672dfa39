import type { Gpu, Quantity, Resources, StreamSession, Toleration } from '@sluice/crds';

/** Resources of NVIDIA's device plugin, whole GPUs, MIG slices and shared ones alike. */
const NVIDIA_DOMAIN = 'nvidia.com/';

/**
 * What NVIDIA's container runtime mounts into the container: `video` is NVENC and NVDEC, `compute` is CUDA, which they
 * need, `utility` is nvidia-smi, for people. Which devices is the device plugin's to say (NVIDIA_VISIBLE_DEVICES).
 */
const NVIDIA_ENVIRONMENT = { NVIDIA_DRIVER_CAPABILITIES: 'compute,video,utility' } as const;

/** What a GPU adds to a transcode pod. */
export interface GpuPart {
  /** Added to requests and limits, which must be equal for extended resources. */
  readonly resources: Readonly<Record<string, Quantity>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
  /** Added to the pod's security context; nothing in it leaves Pod Security "restricted". */
  readonly securityContext: { readonly supplementalGroups?: readonly number[] };
  readonly podSpec: { readonly runtimeClassName?: string };
}

/** A pod without a GPU. */
export const NO_GPU: GpuPart = {
  resources: {},
  environment: {},
  nodeSelector: {},
  tolerations: [],
  securityContext: {},
  podSpec: {},
};

/** What a pod needs to get a GPU and to be able to use it. */
export function gpuPart(gpu: Gpu | undefined): GpuPart {
  if (gpu === undefined) return NO_GPU;
  const { resourceName, count, nodeSelector = {}, tolerations = [], supplementalGroups, runtimeClassName } = gpu;
  return {
    resources: { [resourceName]: count },
    environment: resourceName.startsWith(NVIDIA_DOMAIN) ? NVIDIA_ENVIRONMENT : {},
    nodeSelector,
    // The convention of dedicated nodes, as of the admission plugin ExtendedResourceToleration.
    tolerations: [{ key: resourceName, operator: 'Exists' }, ...tolerations],
    securityContext: supplementalGroups === undefined ? {} : { supplementalGroups },
    podSpec: runtimeClassName === undefined ? {} : { runtimeClassName },
  };
}

/** Requests and limits of the container. Where no GPU is to be had, none that the user wrote among them is left. */
export function withGpu({ resources = {}, gpu: asked }: StreamSession['spec'], gpu: GpuPart): Resources {
  if (asked === undefined) return resources;
  const all = (quantities: Resources['requests'] = {}) => {
    const { [asked.resourceName]: _own, ...others } = quantities;
    return { ...others, ...gpu.resources };
  };
  return { requests: all(resources.requests), limits: all(resources.limits) };
}

/** Whether one of FFmpeg's encoders works on a GPU; those on the CPU are named after their libraries. */
export function isHardwareEncoder(encoder: string): boolean {
  return !encoder.startsWith('lib');
}
