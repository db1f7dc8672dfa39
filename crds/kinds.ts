import { CHANNEL_RULES, channelSpecSchema } from './channel.ts';
import { channelStatusSchema } from './channel-status.ts';
import type { CustomResource } from './custom-resource.ts';
import { CHANNEL_NAMES, STREAM_SESSION_NAMES } from './group.ts';
import { STREAM_SESSION_RULES, streamSessionSpecSchema, streamSessionStatusSchema } from './stream-session.ts';

const READY = '.status.conditions[?(@.type=="Ready")]';
const AGE = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was made.',
} as const;

/** Everything that the CustomResourceDefinition of a Channel is generated from. */
export const CHANNEL: CustomResource = {
  names: CHANNEL_NAMES,
  description:
    'A Channel is one source with one URL for viewers. What stands behind the URL follows the audience: nothing while nobody watches (Idle), the source itself (Direct), the edge (Proxy), or a transcode with several renditions (Transcode).',
  spec: channelSpecSchema,
  status: channelStatusSchema,
  rules: CHANNEL_RULES['x-kubernetes-validations'],
  columns: [
    { name: 'Mode', type: 'string', jsonPath: '.status.mode', description: 'What viewers get now.' },
    { name: 'Viewers', type: 'integer', jsonPath: '.status.viewers.count', description: 'Number of viewers.' },
    { name: 'Ready', type: 'string', jsonPath: `${READY}.status`, description: 'Whether the URL plays.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: `${READY}.reason`,
      description: 'Why it is ready or not.',
      priority: 1,
    },
    {
      name: 'Desired',
      type: 'string',
      jsonPath: '.status.desiredMode',
      description: 'What the audience asks for.',
      priority: 1,
    },
    {
      name: 'Peak',
      type: 'integer',
      jsonPath: '.status.viewers.peak',
      description: 'Highest number of viewers since Idle.',
      priority: 1,
    },
    {
      name: 'Source',
      type: 'string',
      jsonPath: '.status.source.health.state',
      description: 'Health of the source.',
      priority: 1,
    },
    {
      name: 'Session',
      type: 'string',
      jsonPath: '.status.session.name',
      description: 'The StreamSession that transcodes.',
      priority: 1,
    },
    { name: 'URL', type: 'string', jsonPath: '.status.url', description: 'URL for players.', priority: 1 },
    AGE,
  ],
};

/** Everything that the CustomResourceDefinition of a StreamSession is generated from. */
export const STREAM_SESSION: CustomResource = {
  names: STREAM_SESSION_NAMES,
  description:
    'A StreamSession is one run of work for a Channel: a transcode. The operator makes and deletes sessions as the audience changes; a session keeps one pod running.',
  spec: streamSessionSpecSchema,
  status: streamSessionStatusSchema,
  rules: STREAM_SESSION_RULES['x-kubernetes-validations'],
  columns: [
    {
      name: 'Channel',
      type: 'string',
      jsonPath: '.spec.channelRef.name',
      description: 'The Channel that it works for.',
    },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'How far it is.' },
    { name: 'Ready', type: 'string', jsonPath: `${READY}.status`, description: 'Whether its segments arrive in time.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: `${READY}.reason`,
      description: 'Why it is ready or not.',
      priority: 1,
    },
    {
      name: 'Encoder',
      type: 'string',
      jsonPath: '.status.encoder',
      description: 'The encoder that runs.',
      priority: 1,
    },
    {
      name: 'Accelerator',
      type: 'string',
      jsonPath: '.status.accelerator',
      description: 'The GPU resource that the pod asks for, or cpu.',
      priority: 1,
    },
    {
      name: 'Speed',
      type: 'integer',
      jsonPath: '.status.progress.speedMilli',
      description: 'Speed against real time, times 1000.',
      priority: 1,
    },
    {
      name: 'Restarts',
      type: 'integer',
      jsonPath: '.status.restarts',
      description: 'Pods that had to be replaced.',
      priority: 1,
    },
    { name: 'Pod', type: 'string', jsonPath: '.status.podName', description: 'The pod that works.', priority: 1 },
    AGE,
  ],
};

/** Every kind of the API. */
export const KINDS: readonly CustomResource[] = [CHANNEL, STREAM_SESSION];
