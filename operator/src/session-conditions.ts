import type { StreamSessionConditionType } from '@sluice/crds';
import type { ReasonDescription } from './conditions.ts';

/** Reasons in a StreamSession's conditions; docs/conditions.md is made of this. */
export const STREAM_SESSION_REASONS: readonly ReasonDescription<StreamSessionConditionType>[] = [
  { type: 'Admitted', status: ['True'], reasons: ['WithinLimits'], meaning: 'it may run' },
  {
    type: 'Admitted',
    status: ['False'],
    reasons: ['StreamLimitExceeded'],
    meaning: 'it waits until another session ends; the message has limit and count',
  },
  {
    type: 'PodScheduled',
    status: ['True'],
    reasons: ['Scheduled'],
    meaning: 'the pod has a node, which the message names',
  },
  {
    type: 'PodScheduled',
    status: ['False'],
    reasons: ['Unschedulable', 'SchedulingGated', 'SchedulerError'],
    meaning: "the scheduler's word",
  },
  { type: 'PodScheduled', status: ['Unknown'], reasons: ['NotScheduled'], meaning: 'not yet' },
  { type: 'Ready', status: ['True'], reasons: ['Live'], meaning: 'all rungs arrive in time and are listed' },
  { type: 'Ready', status: ['False'], reasons: ['Late'], meaning: 'they do not' },
  {
    type: 'Ready',
    status: ['False'],
    reasons: ['StreamLimitExceeded'],
    meaning: 'as in `Admitted`',
  },
  {
    type: 'Ready',
    status: ['False'],
    reasons: ['PodRefused'],
    meaning: 'the API server does not take the pod: quota, admission; the message says why',
  },
  {
    type: 'Ready',
    status: ['False'],
    reasons: ['PodFailed', 'PodNotStarted'],
    others: 'or the word of the scheduler or the kubelet, e.g. `ImagePullBackOff`',
    meaning: 'the newest pod, which the message names; another one follows after 1, 2, 4, 8 s',
  },
  { type: 'Ready', status: ['Unknown'], reasons: ['WaitingForPod'], meaning: 'the pod is being made' },
  { type: 'Ready', status: ['Unknown'], reasons: ['WaitingForNode'], meaning: 'the scheduler has not chosen a node' },
  {
    type: 'Ready',
    status: ['Unknown'],
    reasons: ['WaitingForKubelet'],
    meaning: 'the node pulls the image or mounts the Secret; both are named',
  },
  {
    type: 'Ready',
    status: ['Unknown'],
    reasons: ['WaitingForAgent'],
    meaning: 'the pod runs and has not reached the owner edge',
  },
  {
    type: 'Ready',
    status: ['Unknown'],
    reasons: ['WaitingForSegments', 'WaitingForSwitch'],
    meaning: 'it encodes; three segments of every rung must arrive in time, then the edge lists them',
  },
  { type: 'Ready', status: ['Unknown'], reasons: ['Ended'], meaning: 'the pod has ended as asked' },
  {
    type: 'Accelerated',
    status: ['True'],
    reasons: ['GpuEncodes'],
    meaning: 'the encoder runs on the GPU; the condition is there where `gpu` is set',
  },
  {
    type: 'Accelerated',
    status: ['False'],
    reasons: ['GpuUnavailable'],
    meaning: "a CPU pod in its place: the message has the scheduler's words",
  },
  {
    type: 'Accelerated',
    status: ['False'],
    reasons: ['EncoderFallback'],
    meaning: "the GPU is there and cannot encode: the message has FFmpeg's words",
  },
  {
    type: 'Accelerated',
    status: ['Unknown'],
    reasons: ['WaitingForGpu', 'Starting'],
    meaning: 'no node yet; no encoder chosen yet',
  },
  { type: 'Succeeded', status: ['True'], reasons: ['Completed'], meaning: 'the agent was told to end' },
  { type: 'Succeeded', status: ['False'], reasons: ['PodsFailed'], meaning: 'five pods failed within ten minutes' },
  { type: 'Succeeded', status: ['Unknown'], reasons: ['Working'], meaning: 'it has not ended' },
];
