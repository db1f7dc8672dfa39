import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import { API_VERSION } from '@sluice/crds';
import type { ApplyConfiguration } from '@sluice/operator/runtime/client/client.ts';

/** Namespace of the operator's own objects. */
export const SYSTEM_NAMESPACE = 'sluice';
/** Namespace of the Channels that the operator, or the bare client, works on. */
export const CHANNEL_NAMESPACE = 'tv';
/** Service whose EndpointSlices name the edges. */
export const EDGE_SERVICE = 'sluice-edge-internal';

/** What each fifth of the channels does: one is transcoded, one proxied, one direct, two wait for viewers. */
const VIEWERS_BY_FIFTH = [5, 2, 1, 0, 0];

/** Viewers of the channel with this number while the operator starts. */
export function viewersOf(index: number): number {
  return VIEWERS_BY_FIFTH[index % VIEWERS_BY_FIFTH.length] ?? 0;
}

/** Name of the channel with this number. */
export function channelName(index: number): string {
  return `channel-${String(index).padStart(5, '0')}`;
}

/** The number in {@link channelName}. */
export function indexOf(name: string): number {
  return Number(name.slice('channel-'.length));
}

/** The Channel with this number. Those that are transcoded need not wait half a minute for it. */
export function channelObject(namespace: string, index: number): ApplyConfiguration {
  const name = channelName(index);
  const delivery = viewersOf(index) >= 4 ? { delivery: { hysteresisSeconds: 0 } } : {};
  return {
    apiVersion: API_VERSION,
    kind: 'Channel',
    metadata: { namespace, name },
    spec: { source: { uri: `http://source.example/${name}/index.m3u8` }, ...delivery },
  } as ApplyConfiguration;
}

/** Facts of a source that can do everything, with segments of 2 s: the fastest that is usual. */
export const FACTS: SourceFacts = factsFixture();
