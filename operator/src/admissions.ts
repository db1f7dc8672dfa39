import type { Channel, StreamSession } from '@sluice/crds';
import type { Caches } from './caches.ts';
import { keyOf } from './runtime/client/client.ts';
import { AdmissionBook } from './session/admission/admission-book.ts';
import type { SessionLimits } from './session/admission/admit.ts';
import { ownerOf } from './session/admission/owner.ts';
import { PODS_BY_SESSION } from './session/controller.ts';

/** The book of admissions over the caches. @param onAdmitted told of each session that may run from now on, by key */
export function createAdmissions(
  caches: Pick<Caches, 'channels' | 'namespaces' | 'pods'>,
  limits: SessionLimits,
  onAdmitted: (key: string) => void,
): AdmissionBook {
  return new AdmissionBook(limits, {
    ownerOf: (session) => {
      const { namespace = 'default' } = session.metadata;
      return ownerOf(namespace, channelOf(caches, session), caches.namespaces.store.get(namespace));
    },
    hasPods: (key) => caches.pods.store.byIndex(PODS_BY_SESSION, key).length > 0,
    onAdmitted,
  });
}

/** The Channel that a session works for; undefined: there is none. */
export function channelOf(
  { channels }: Pick<Caches, 'channels'>,
  { metadata, spec }: StreamSession,
): Channel | undefined {
  return channels.store.get(keyOf({ ...metadata, name: spec.channelRef.name }));
}
