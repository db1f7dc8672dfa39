import type { EventRecord } from './runtime/events/recorder.ts';

/** What is known of an event before it happens. */
export interface EventDescription {
  readonly type: 'Normal' | 'Warning';
  /** What the operator did or tried, a CamelCase verb. */
  readonly action: string;
  /** Kinds on which it is told. */
  readonly on: readonly ('Channel' | 'StreamSession' | 'Deployment')[];
  /** When it is told, for the reference. */
  readonly when: string;
}

const CHANNEL = ['Channel'] as const;
const EDGES = ['Deployment'] as const;
const BOTH = ['Channel', 'StreamSession'] as const;

/** Every event that Sluice tells, by its reason: `kubectl describe` shows them, and docs/events.md is made of this. */
export const EVENTS = {
  ModeChanged: {
    type: 'Normal',
    action: 'ChangeMode',
    on: CHANNEL,
    when: 'the desired mode has changed; the note says from what to what and why',
  },
  DirectSuspended: {
    type: 'Warning',
    action: 'ChangeMode',
    on: CHANNEL,
    when: 'a viewer could not reach the source: no Direct for ten minutes',
  },
  SourceUnreachable: {
    type: 'Warning',
    action: 'ReadSource',
    on: CHANNEL,
    when: 'the edge cannot read the source any more; the note quotes its answer',
  },
  SourceRecovered: {
    type: 'Normal',
    action: 'ReadSource',
    on: CHANNEL,
    when: 'the source delivers again',
  },
  SessionStarted: {
    type: 'Normal',
    action: 'Transcode',
    on: CHANNEL,
    when: 'a StreamSession was created',
  },
  SessionEnded: {
    type: 'Normal',
    action: 'Transcode',
    on: CHANNEL,
    when: 'a StreamSession is no longer needed and was deleted',
  },
  SessionFailed: {
    type: 'Warning',
    action: 'Transcode',
    on: CHANNEL,
    when: 'a StreamSession was given up; the note says when the next may start',
  },
  SessionRefused: {
    type: 'Warning',
    action: 'Transcode',
    on: CHANNEL,
    when: 'the API server does not take a StreamSession: a quota, a policy',
  },
  LimitExceeded: {
    type: 'Warning',
    action: 'Admit',
    on: BOTH,
    when: 'a StreamSession waits, because others of its owner or of all have the places; the note has the numbers',
  },
  SessionAdmitted: {
    type: 'Normal',
    action: 'Admit',
    on: BOTH,
    when: 'a StreamSession that waited may run',
  },
  TranscodeLive: {
    type: 'Normal',
    action: 'Transcode',
    on: CHANNEL,
    when: 'viewers get the ladder',
  },
  TranscodeLate: {
    type: 'Warning',
    action: 'Transcode',
    on: CHANNEL,
    when: 'the encoder does not keep pace; viewers get the source instead',
  },
  PodRefused: {
    type: 'Warning',
    action: 'Transcode',
    on: BOTH,
    when: 'the API server does not take a transcode pod: a quota, a policy',
  },
  PodNotStarted: {
    type: 'Warning',
    action: 'Transcode',
    on: BOTH,
    when: 'a transcode pod has no node or does not start; the note has the word of the scheduler or the kubelet',
  },
  PodFailed: {
    type: 'Warning',
    action: 'Transcode',
    on: BOTH,
    when: 'a transcode pod has failed; another one follows',
  },
  EncoderFallback: {
    type: 'Warning',
    action: 'Transcode',
    on: CHANNEL,
    when: 'a session that asks for a GPU encodes on the CPU: no node had one free, or its encoder does not work; the note quotes why',
  },
  ResourceWarning: {
    type: 'Warning',
    action: 'Transcode',
    on: CHANNEL,
    when: 'an encoder uses 80 % of the CPU (for 30 s) or of the memory that its pod may use, or what `transcoder.warnings` says',
  },
  ForceKillRequired: {
    type: 'Warning',
    action: 'Transcode',
    on: CHANNEL,
    when: 'FFmpeg did not end within 5 s of SIGTERM (`transcoder.forceKillSeconds`) and was killed',
  },
  CleanupFailed: {
    type: 'Warning',
    action: 'CleanUp',
    on: BOTH,
    when: 'what is over cannot be removed: a StreamSession, also one whose Channel is gone, or a pod that was replaced (tried again every 30 s), or pods that are left two minutes after their StreamSession was deleted',
  },
  EdgesScaled: {
    type: 'Normal',
    action: 'ScaleEdges',
    on: EDGES,
    when: 'the number of edge pods was changed (`edge.autoscaling`); the note says from what to what and why',
  },
  EdgesAtMaximum: {
    type: 'Warning',
    action: 'ScaleEdges',
    on: EDGES,
    when: 'the edges carry more than their targets, and `edge.autoscaling.maxReplicas` allows no more of them',
  },
  EdgeScaleFailed: {
    type: 'Warning',
    action: 'ScaleEdges',
    on: EDGES,
    when: "the number of edge pods could not be read or changed; tried again every 30 s. The note has the API server's words",
  },
} as const satisfies Readonly<Record<string, EventDescription>>;
/** The reasons of the product's Events, as `kubectl describe` shows them. */
export type EventReason = keyof typeof EVENTS;

/** Something that is over stays. @param what as a sentence that names it */
export function cleanupFailed(what: string): EventRecord {
  return told('CleanupFailed', what);
}

/** An event of {@link EVENTS} with its note; the named constructors of each folder are made of it. */
export function told(reason: EventReason, note: string): EventRecord {
  const { type, action } = EVENTS[reason];
  return { type, reason, action, note };
}
