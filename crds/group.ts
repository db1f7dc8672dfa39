/** API group of all kinds of Sluice. */
export const API_GROUP = 'sluice.dev';
/** The one version that is served and stored. */
export const API_VERSION_NAME = 'v1alpha1';
/** `apiVersion` of every object of this package. */
export const API_VERSION = `${API_GROUP}/${API_VERSION_NAME}` as const;
/** `kubectl get sluice` lists every kind with this category. */
export const CATEGORY = 'sluice';

/** Names under which the API server serves a kind. */
export interface KindNames {
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
}

/** Names under which the API server knows a Channel. */
export const CHANNEL_NAMES = {
  kind: 'Channel',
  listKind: 'ChannelList',
  plural: 'channels',
  singular: 'channel',
  shortNames: ['chan'],
} as const satisfies KindNames;

/** Names under which the API server knows a StreamSession. */
export const STREAM_SESSION_NAMES = {
  kind: 'StreamSession',
  listKind: 'StreamSessionList',
  plural: 'streamsessions',
  singular: 'streamsession',
  shortNames: ['ssn'],
} as const satisfies KindNames;

/**
 * Longest name of a Channel. Its pods are called `<channel>-<serial>-<attempt>`, with two int32 of at most ten
 * digits, and a pod's host name and a label's value have at most 63 characters.
 */
export const CHANNEL_NAME_MAX_LENGTH = 40;
/** Longest name of a StreamSession: `<channel>-<serial>`, so that `-<attempt>` still fits into 63 characters. */
export const STREAM_SESSION_NAME_MAX_LENGTH = 52;
