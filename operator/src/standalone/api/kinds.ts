import { type CustomResource, objectSchema } from '@sluice/crds/custom-resource.ts';
import { API_GROUP, API_VERSION_NAME } from '@sluice/crds/group.ts';
import { KINDS } from '@sluice/crds/kinds.ts';
import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import { z } from 'zod';
import type { KubernetesObject, ResourceType } from '../../runtime/client/client.ts';
import { isObject, type JsonObject, merged, metadataOf } from '../../runtime/memory/fields.ts';
import { ObjectStore, type ServedKind } from '../../runtime/memory/object-store.ts';
import { checked, invalid } from '../../runtime/memory/validation.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { createRuleCheck, faultsOf, type RuleCheck } from './rules.ts';
import { DEPLOYMENT, isEnded, LOCAL_POD, SERVICE } from './shapes.ts';

/** As Kubernetes has it: never a way out of the folder that the files are in. */
const SECRET_KEY = /^(?!\.\.)(?!\.$)[-._a-zA-Z0-9]{1,253}$/;

/**
 * The Kubernetes API of this mode: Sluice's kinds with the schemas and rules of their CRDs, and those of Kubernetes' own
 * kinds that Sluice and its examples use, with the defaults that somebody here reads.
 * @param now milliseconds since the epoch
 * @param addresses where Services are; without them their names stay as they are
 */
export function createStandaloneStore(
  now: () => number,
  addresses: Pick<LoopbackNetwork, 'resolve' | 'serviceAddress'> = {
    resolve: (text) => text,
    serviceAddress: () => '',
  },
): ObjectStore {
  const holds = createRuleCheck();
  const kind = (group: string, name: string, plural = `${name.toLowerCase()}s`): ServedKind => {
    return { group, version: 'v1', kind: name, plural, namespaced: true };
  };
  // The kubelet has nothing left to end of a pod that has ended, and nobody waits for its word.
  const graceSeconds = (object: JsonObject): number => {
    const pod = LOCAL_POD.parse(object);
    return isEnded(pod) ? 0 : pod.spec.terminationGracePeriodSeconds;
  };
  const withAddress = (service: JsonObject): JsonObject => {
    const { namespace, name } = metadataOf(service);
    const clusterIP = addresses.serviceAddress(String(namespace), String(name));
    return { ...service, spec: { ...(service.spec as JsonObject), clusterIP } };
  };
  const kinds = [
    ...KINDS.map((each) => customKind(each, holds, addresses.resolve)),
    { ...kind('', 'Namespace'), namespaced: false, hasStatus: true },
    { ...coreKind(LOCAL_POD, LOCAL_POD.schema), graceSeconds },
    coreKind(SERVICE, SERVICE.schema, withAddress),
    coreKind(DEPLOYMENT, DEPLOYMENT.schema),
    kind('discovery.k8s.io', 'EndpointSlice'),
    { ...kind('', 'Secret'), received: encodedSecret, admit: checkedSecret },
    kind('', 'ConfigMap'),
    kind('events.k8s.io', 'Event'),
  ];
  return new ObjectStore({ kinds, now });
}

/** A kind of @sluice/crds. */
function customKind(resource: CustomResource, holds: RuleCheck, resolve: (text: string) => string): ServedKind {
  const { properties, ...whole } = objectSchema(resource);
  const schema: StructuralSchema = { ...whole, properties: { ...properties, metadata: {} } }; // that is the server's
  const parts = z.object({ spec: resource.spec, status: resource.status.optional() });
  const { kind, plural } = resource.names;
  return {
    ...{ group: API_GROUP, version: API_VERSION_NAME, kind, plural, namespaced: true, hasStatus: true },
    admit(object, before) {
      const { value = {}, faults: misread } = checked(parts, '', object);
      // Rules are for what can be read, with its defaults.
      const check = misread.length === 0 ? holds : () => true;
      const faults = [...misread, ...faultsOf(schema, '', merged(object, value), before ?? undefined, check)];
      if (faults.length > 0) throw invalid({ kind }, object, faults);
      const { spec, ...rest } = value as JsonObject;
      // A browser on this machine, which in Direct fetches from the source itself, asks no cluster's DNS.
      const withAddresses = (_: string, text: unknown) => (typeof text === 'string' ? resolve(text) : text);
      return { ...object, ...rest, spec: JSON.parse(JSON.stringify(spec), withAddresses) };
    },
  };
}

/** One of Kubernetes' own kinds: only what is wrong with the parts that are read here is looked at; all of it is kept. */
function coreKind(
  { group, version, kind, plural }: ResourceType<KubernetesObject>,
  schema: z.ZodType,
  complete = (object: JsonObject) => object,
): ServedKind {
  return {
    ...{ group, version, kind, plural, namespaced: true, hasStatus: true },
    admit(object) {
      const { faults } = checked(schema, '', object);
      if (faults.length > 0) throw invalid({ kind }, object, faults);
      return complete(object);
    },
  };
}

/** `stringData` is for writers; `data` is what is kept, in files by its keys (core/v1 Secret). */
function encodedSecret({ stringData, ...object }: JsonObject): JsonObject {
  if (!isObject(stringData)) return object;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  return { ...object, data: { ...(object.data as JsonObject), ...Object.fromEntries(encoded) } };
}

/** @throws ApiError `Invalid` for a key that is no name of a file */
function checkedSecret(object: JsonObject): JsonObject {
  const { data = {} } = object as { data?: object };
  const message = 'is no key: use letters, digits, dashes, underscores and dots';
  const wrong = Object.keys(data).filter((key) => !SECRET_KEY.test(key));
  const faults = wrong.map((key) => ({ path: 'data', message: `"${key}" ${message}` }));
  if (faults.length > 0) throw invalid({ kind: 'Secret' }, object, faults);
  return { type: 'Opaque', ...object, data };
}
