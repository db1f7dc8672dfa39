import { z } from 'zod';
import { atomicList, validations } from './extensions.ts';
import { nodeSelectorSchema, RESOURCE_NAME_MAX_LENGTH, tolerationsSchema } from './workload.ts';

/** What NVIDIA's device plugin calls a whole GPU: by far the most common one. */
const DEFAULT_RESOURCE_NAME = 'nvidia.com/gpu';
/** Group ids are 32 bits, signed in the Kubernetes API. */
const GROUP_ID_MAX = 2 ** 31 - 1;

/** `transcode.gpu`: which extended resource a transcode pod asks for, where, and how long it waits for a node that has it. */
export const gpuSchema = z
  .object({
    resourceName: z
      .string()
      .min(1)
      .max(RESOURCE_NAME_MAX_LENGTH)
      .default(DEFAULT_RESOURCE_NAME)
      .describe(
        `Extended resource to ask for, as the device plugin names it; ${DEFAULT_RESOURCE_NAME} by default. Others are nvidia.com/gpu.shared, nvidia.com/mig-1g.10gb, amd.com/gpu, gpu.intel.com/i915 and gpu.intel.com/xe.`,
      )
      .meta(
        validations({
          rule: "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$')",
          message:
            'gpu.resourceName must be an extended resource with its domain, for example nvidia.com/gpu or gpu.intel.com/i915',
        }),
      ),
    count: z.int32().min(1).max(16).default(1).describe('How many of the resource the pod asks for; 1 by default.'),
    waitSeconds: z
      .int32()
      .min(0)
      .max(3600)
      .default(30)
      .describe(
        'How long to wait for a node with a free GPU in seconds, before a CPU pod takes its place; 30 by default, at most 3600. 0 takes the CPU as soon as the scheduler finds no GPU.',
      ),
    nodeSelector: nodeSelectorSchema
      .optional()
      .describe(
        'Labels that a node must have to run the pod with the GPU, beside those of transcode.nodeSelector; none by default. A CPU pod that takes its place is free of them.',
      ),
    tolerations: tolerationsSchema
      .optional()
      .describe(
        'Taints of GPU nodes that the pod with the GPU tolerates, beside those of transcode.tolerations; none by default. A taint whose key is resourceName is tolerated in any case.',
      ),
    runtimeClassName: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe(
        "RuntimeClass of the pod with the GPU, for clusters where the GPU's container runtime is not the default, for example nvidia; none by default.",
      )
      .meta(
        validations({
          rule: "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",
          message:
            'gpu.runtimeClassName must be the name of a RuntimeClass: lower-case letters, digits, dashes and dots',
        }),
      ),
    supplementalGroups: z
      .array(z.int32().min(1).max(GROUP_ID_MAX).describe('Id of a group.'))
      .max(16)
      .meta(atomicList)
      .optional()
      .describe(
        "Ids of groups that the pod with the GPU belongs to, where the node's render devices (/dev/dri/renderD*) are open to a group only: often 44 (video) and 104, 105 or 109 (render); none by default.",
      ),
  })
  .describe(
    'Asks for a GPU by the extended resource of a device plugin. Where none is free within waitSeconds a CPU pod takes its place, and the next pod asks for the GPU again. Left out, no GPU is asked for; {} asks for one of NVIDIA.',
  );
/** The GPU that a transcode pod asks for. */
export type Gpu = z.infer<typeof gpuSchema>;
