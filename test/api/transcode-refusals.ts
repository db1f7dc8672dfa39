import type { Refusal } from './refusal.ts';

function rung(fields: object): object {
  return { transcode: { ladder: [{ name: '360p', height: 360, bitrateBps: 700_000, ...fields }] } };
}

function toleration(fields: object): object {
  return { transcode: { tolerations: [fields] } };
}

/** What is wrong in `spec.transcode` of a Channel. */
export const TRANSCODE_REFUSALS: readonly Refusal[] = [
  {
    name: 'a rung in capitals',
    kind: 'Channel',
    spec: rung({ name: '360P' }),
    field: 'spec.transcode.ladder[0].name',
    message: 'name of a rung is part of URLs: use lower-case letters, digits and dashes',
  },
  {
    name: 'a rung that leaves its folder',
    kind: 'Channel',
    spec: rung({ name: '../360p' }),
    field: 'spec.transcode.ladder[0].name',
    message: 'name of a rung is part of URLs',
  },
  {
    name: 'a rung with the name of the multivariant playlist',
    kind: 'Channel',
    spec: rung({ name: 'index' }),
    field: 'spec.transcode.ladder[0].name',
    message: 'name of a rung must not be "source" or "index"',
  },
  {
    name: "a rung with the name of one of the source's renditions",
    kind: 'Channel',
    spec: rung({ name: 'source-360p' }),
    field: 'spec.transcode.ladder[0].name',
    message: 'name of a rung must not be "source" or "index", nor begin with "source-"',
  },
  {
    name: 'an odd height',
    kind: 'Channel',
    spec: rung({ height: 361 }),
    field: 'spec.transcode.ladder[0].height',
    message: 'height must be an even number of lines',
  },
  {
    name: 'two rungs of one name',
    kind: 'Channel',
    spec: {
      transcode: {
        ladder: [
          { name: '360p', height: 360, bitrateBps: 700_000 },
          { name: '360p', height: 240, bitrateBps: 400_000 },
        ],
      },
    },
    field: 'spec.transcode.ladder[1]',
    message: 'Duplicate value: {"name":"360p"}',
  },
  {
    name: 'no encoder that works everywhere',
    kind: 'Channel',
    spec: { transcode: { encoderPreference: ['h264_nvenc'] } },
    field: 'spec.transcode.encoderPreference',
    message: 'encoderPreference must contain libx264: it is the encoder that works on every node',
  },
  {
    name: 'an encoder twice',
    kind: 'Channel',
    spec: { transcode: { encoderPreference: ['libx264', 'libx264'] } },
    field: 'spec.transcode.encoderPreference',
    message: 'encoderPreference must name each encoder once',
  },
  {
    name: 'requests above limits, in different units',
    kind: 'Channel',
    spec: { transcode: { resources: { requests: { cpu: 2, memory: '2Gi' }, limits: { cpu: '1500m', memory: '3G' } } } },
    field: 'spec.transcode.resources',
    message: 'resources.requests must not be greater than resources.limits: no pod could be made with them',
  },
  {
    name: 'a quantity in words',
    kind: 'Channel',
    spec: { transcode: { resources: { limits: { memory: '2 gigabytes' } } } },
    field: 'spec.transcode.resources.limits.memory',
    message: /(should|must) match/,
  },
  {
    name: 'a toleration of any value with a value',
    kind: 'Channel',
    spec: toleration({ key: 'gpu', operator: 'Exists', value: 'yes' }),
    field: 'spec.transcode.tolerations[0].value',
    message: 'value must be left out where operator is Exists',
  },
  {
    name: 'a toleration without key',
    kind: 'Channel',
    spec: toleration({ effect: 'NoSchedule' }),
    field: 'spec.transcode.tolerations[0]',
    message: 'key must be set where operator is Equal; to tolerate every taint write operator: Exists',
  },
  {
    name: 'a toleration for a time of a taint that evicts nobody',
    kind: 'Channel',
    spec: toleration({ key: 'gpu', effect: 'NoSchedule', tolerationSeconds: 60 }),
    field: 'spec.transcode.tolerations[0].tolerationSeconds',
    message: 'tolerationSeconds only works with effect: NoExecute',
  },
  {
    name: 'a GPU without its domain',
    kind: 'Channel',
    spec: { transcode: { gpu: { resourceName: 'gpu' } } },
    field: 'spec.transcode.gpu.resourceName',
    message: 'gpu.resourceName must be an extended resource with its domain, for example nvidia.com/gpu',
  },
  {
    name: 'a runtime class that is no name',
    kind: 'Channel',
    spec: { transcode: { gpu: { runtimeClassName: 'NVIDIA' } } },
    field: 'spec.transcode.gpu.runtimeClassName',
    message: 'gpu.runtimeClassName must be the name of a RuntimeClass',
  },
  {
    name: 'the group of root for render devices',
    kind: 'Channel',
    spec: { transcode: { gpu: { supplementalGroups: [0] } } },
    field: 'spec.transcode.gpu.supplementalGroups[0]',
    message: /greater than or equal to 1|>=1/,
  },
];
