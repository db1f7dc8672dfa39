import type { Refusal } from './refusal.ts';
import { TRANSCODE_REFUSALS } from './transcode-refusals.ts';

const URI = 'https://media.example.org/film/index.m3u8';
/** The least that each kind needs. */
export const VALID_SPECS: Readonly<Record<Refusal['kind'], object>> = {
  Channel: { source: { uri: URI } },
  StreamSession: {
    channelRef: { name: 'film' },
    kind: 'Transcode',
    rungs: [{ name: '360p', height: 360, bitrateBps: 700_000 }],
    encoderPreference: ['libx264'],
    preset: 'veryfast',
  },
};

const HEADERS_FROM = { secretRef: { name: 'headers' } };

const SOURCE: readonly Refusal[] = [
  {
    name: 'a source that is not HLS over HTTP',
    kind: 'Channel',
    spec: { source: { uri: 'rtmp://media.example.org/film' } },
    field: 'spec.source.uri',
    message:
      'source.uri must be the http:// or https:// URL of an HLS playlist, for example https://media.example.org/',
  },
  {
    name: 'a source that is no URL',
    kind: 'Channel',
    spec: { source: { uri: 'film.m3u8' } },
    field: 'spec.source.uri',
    message: 'source.uri must be the http:// or https:// URL of an HLS playlist',
  },
  {
    name: 'a source without a host',
    kind: 'Channel',
    spec: { source: { uri: 'https:///film/index.m3u8' } },
    field: 'spec.source.uri',
    message: 'source.uri must be the http:// or https:// URL of an HLS playlist',
  },
  {
    name: 'a password in the URL',
    kind: 'Channel',
    spec: { source: { uri: 'https://user:secret@media.example.org/index.m3u8' } },
    field: 'spec.source.uri',
    message: 'put an Authorization header into a Secret and name it in source.headersFrom',
  },
  {
    name: 'a user in the URL, with its scheme in capitals',
    kind: 'Channel',
    spec: { source: { uri: 'HTTPS://user@media.example.org/index.m3u8' } },
    field: 'spec.source.uri',
    message: 'source.uri must not contain a user or password',
  },
  {
    name: 'a line break at the end of the URL',
    kind: 'Channel',
    spec: { source: { uri: `${URI}\n` } },
    field: 'spec.source.uri',
    message: 'source.uri must not contain spaces or line breaks: write %20 for a space',
  },
];

const DELIVERY: readonly Refusal[] = [
  {
    name: 'a minimum above the maximum',
    kind: 'Channel',
    spec: { delivery: { minimumMode: 'Transcode', maximumMode: 'Proxy' } },
    field: 'spec.delivery.minimumMode',
    message: 'delivery.minimumMode must not be above delivery.maximumMode; the order is Idle, Direct, Proxy, Transcode',
  },
  {
    name: 'equal thresholds',
    kind: 'Channel',
    spec: { delivery: { thresholds: { proxy: 3, transcode: 3 } } },
    field: 'spec.delivery.thresholds.transcode',
    message: 'delivery.thresholds.transcode must be greater than delivery.thresholds.proxy: a growing audience',
  },
  {
    name: 'a proxy threshold above the default of the other',
    kind: 'Channel',
    spec: { delivery: { thresholds: { proxy: 10 } } },
    field: 'spec.delivery.thresholds.transcode',
    message: 'delivery.thresholds.transcode must be greater than delivery.thresholds.proxy',
  },
  {
    name: 'low latency, which does not exist yet',
    kind: 'Channel',
    spec: { delivery: { latency: 'Low' } },
    field: 'spec.delivery.latency',
    message: 'delivery.latency Low is reserved for a later version of Sluice: use Standard or leave the field out',
  },
  {
    name: 'Direct only, but the source hidden',
    kind: 'Channel',
    spec: { delivery: { maximumMode: 'Direct', exposeSource: false } },
    field: 'spec.delivery.maximumMode',
    message: 'but delivery.exposeSource is false: allow Proxy, or set exposeSource: true',
  },
  {
    name: 'Direct only, but a query in the URL that nobody agreed to show',
    kind: 'Channel',
    spec: { source: { uri: `${URI}?key=secret` }, delivery: { maximumMode: 'Direct' } },
    field: 'spec.delivery.maximumMode',
    message: 'it has a query, which may hold a key: allow Proxy, or set delivery.exposeSource: true',
  },
  {
    name: 'Direct only, but headers that viewers do not have',
    kind: 'Channel',
    spec: { source: { headersFrom: HEADERS_FROM }, delivery: { maximumMode: 'Direct' } },
    field: 'spec.delivery.maximumMode',
    message: 'without the headers of source.headersFrom: allow Proxy, or remove headersFrom',
  },
  {
    name: 'an empty ladder where Transcode is allowed',
    kind: 'Channel',
    spec: { transcode: { ladder: [] } },
    field: 'spec.transcode.ladder',
    message: 'transcode.ladder must have a rung while delivery.maximumMode is Transcode: add one, or set',
  },
];

const VIEWERS: readonly Refusal[] = [
  {
    name: 'a time-out below the heartbeat',
    kind: 'Channel',
    spec: { viewers: { heartbeatSeconds: 20, timeoutSeconds: 10 } },
    field: 'spec.viewers.timeoutSeconds',
    message:
      'viewers.timeoutSeconds must not be less than viewers.heartbeatSeconds: a viewer who sends every heartbeat',
  },
  {
    name: 'a heartbeat above the default time-out',
    kind: 'Channel',
    spec: { viewers: { heartbeatSeconds: 90 } },
    field: 'spec.viewers.timeoutSeconds',
    message: 'viewers.timeoutSeconds must not be less than viewers.heartbeatSeconds',
  },
];

const OBJECTS: readonly Refusal[] = [
  {
    name: 'a Channel whose pods would have names that are too long',
    kind: 'Channel',
    objectName: 'c'.repeat(41),
    spec: {},
    field: 'metadata.name',
    message: 'metadata.name of a Channel must have at most 40 characters',
  },
  {
    name: 'a Channel with a dot in its name',
    kind: 'Channel',
    objectName: 'film.one',
    spec: {},
    field: 'metadata.name',
    message: 'metadata.name of a Channel must not contain dots: pods and labels are named after it. Use dashes',
  },
  {
    name: 'a StreamSession whose pods would have names that are too long',
    kind: 'StreamSession',
    objectName: 's'.repeat(53),
    spec: {},
    field: 'metadata.name',
    message: 'metadata.name of a StreamSession must have at most 52 characters',
  },
  {
    name: 'a StreamSession with a dot in its name',
    kind: 'StreamSession',
    objectName: 'film.1',
    spec: {},
    field: 'metadata.name',
    message: 'metadata.name of a StreamSession must not contain dots',
  },
  {
    name: 'a field that does not exist',
    kind: 'Channel',
    spec: { delivery: { hysteresis: 30 } },
    field: 'spec.delivery.hysteresis',
    message: 'unknown field "spec.delivery.hysteresis"',
  },
];

/** Everything that a schema of types and bounds cannot refuse. */
export const REFUSALS: readonly Refusal[] = [...OBJECTS, ...SOURCE, ...DELIVERY, ...VIEWERS, ...TRANSCODE_REFUSALS];

/** Merges `change` into `base`: objects field by field, everything else replaced, `null` removed. */
export function merge(base: object, change: object): object {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    const old = merged[key];
    if (value === null) delete merged[key];
    else if (isObject(value) && isObject(old)) merged[key] = merge(old, value);
    else merged[key] = value;
  }
  return merged;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
