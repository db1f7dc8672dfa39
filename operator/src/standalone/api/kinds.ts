import { CHANNEL_NAMES } from '@sluice/crds';
import { type CustomResource, objectSchema } from '@sluice/crds/custom-resource.ts';
import { API_GROUP, API_VERSION_NAME } from '@sluice/crds/group.ts';
import { KINDS } from '@sluice/crds/kinds.ts';
import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import type { z } from 'zod';
import { ENDPOINT_SLICE, SECRET } from '../../kinds.ts';
import { endpointSliceSchema } from '../../link/endpoints.ts';
import type { KubernetesObject, ResourceType } from '../../runtime/client/client.ts';
import { type FieldFault, invalid } from '../../runtime/memory/answer.ts';
import { isObject, type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import { ObjectStore, type ServedKind } from '../../runtime/memory/object-store.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { below, createRuleCheck, type RuleCheck } from './rules.ts';
import { DEPLOYMENT, isEnded, LOCAL_POD, SERVICE } from './shapes.ts';

/** Where Services are. */
export type ServiceAddresses = Pick<LoopbackNetwork, 'resolve' | 'serviceAddress'>;

/** As Kubernetes has it: never a way out of the folder that the files are in. */
const SECRET_KEY = /^(?!\.\.)(?!\.$)[-._a-zA-Z0-9]{1,253}$/;

/** Without a network names of Services stay as they are. */
const NO_ADDRESSES: ServiceAddresses = { resolve: (text) => text, serviceAddress: () => '' };

/**
 * The Kubernetes API of this mode: Sluice's kinds with the schemas and rules of their CRDs, and those of Kubernetes' own
 * kinds that Sluice and its examples use, with the defaults that somebody here reads.
 * @param now milliseconds since the epoch
 */
export function createStandaloneStore(now: () => number, addresses: ServiceAddresses = NO_ADDRESSES): ObjectStore {
  const check = createRuleCheck();
  return new ObjectStore({
    kinds: [...KINDS.map((each) => customKind(each, check, addresses)), ...coreKinds(addresses)],
    now,
  });
}

/** A kind of @sluice/crds. */
function customKind(resource: CustomResource, check: RuleCheck, { resolve }: ServiceAddresses): ServedKind {
  const { metadata: _ofServer, ...properties } = objectSchema(resource).properties ?? {};
  const schema: StructuralSchema = { ...objectSchema(resource), properties };
  const { kind, plural } = resource.names;
  const served: ServedKind = {
    group: API_GROUP,
    version: API_VERSION_NAME,
    kind,
    plural,
    namespaced: true,
    hasStatus: true,
    admit({ apiVersion, metadata, ...given }, before) {
      const spec = readPart(resource.spec, 'spec', given.spec);
      const status = given.status === undefined ? null : readPart(resource.status, 'status', given.status);
      const faults = [...spec.faults, ...(status?.faults ?? []), ...otherFaults(schema, '', given)];
      if (faults.length > 0) throw invalid(served, { metadata }, faults);
      const object: JsonObject = {
        apiVersion,
        kind,
        metadata,
        spec: spec.value,
        ...(status && { status: status.value }),
      };
      const broken = check(schema, '', object, before ?? undefined);
      if (broken.length > 0) throw invalid(served, object, broken);
      return kind === CHANNEL_NAMES.kind ? withReachableSource(object, resolve) : object;
    },
  };
  return served;
}

/**
 * Replaces the name of a Service in the source's URL of a Channel: a browser on this machine, which in Direct fetches
 * from the source itself, asks no cluster's DNS.
 */
function withReachableSource(channel: JsonObject, resolve: (text: string) => string): JsonObject {
  const spec = channel.spec as { readonly source: { readonly uri: string } };
  return { ...channel, spec: { ...spec, source: { ...spec.source, uri: resolve(spec.source.uri) } } };
}

/** A part of an object with its defaults, or what is wrong with it. @param part its name; empty for the whole object */
function readPart(schema: z.ZodType, part: string, value: unknown): { value?: unknown; faults: readonly FieldFault[] } {
  const error = ({ input }: { readonly input?: unknown }) => (input === undefined ? 'Required value' : undefined);
  const parsed = schema.safeParse(value, { error });
  if (parsed.success) return { value: parsed.data, faults: [] };
  const faults = parsed.error.issues.map(({ path, message }) => {
    const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
    return { path: `${part}${keys.join('')}`.replace(/^\./, ''), message };
  });
  return { faults };
}

/** What zod lets pass: fields that a schema does not have, each with those that it has there, and maps that are too large. */
function otherFaults(schema: StructuralSchema, path: string, value: unknown): FieldFault[] {
  const { items, properties, maxProperties = Number.POSITIVE_INFINITY } = schema;
  if (Array.isArray(value) && items !== undefined) {
    return value.flatMap((item, at) => otherFaults(items, `${path}[${at}]`, item));
  }
  if (!isObject(value)) return [];
  if (Object.keys(value).length > maxProperties) {
    return [{ path, message: `Too many: must have at most ${maxProperties} items` }];
  }
  if (properties === undefined) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const [property, field] = [properties[name], below(path, name)];
    if (property !== undefined) return otherFaults(property, field, child);
    const known = Object.keys(properties).join(', ');
    return [{ path: field, message: `unknown field "${field}"; known here: ${known}` }];
  });
}

function coreKinds({ serviceAddress }: ServiceAddresses): readonly ServedKind[] {
  const kind = (group: string, name: string, plural = `${name.toLowerCase()}s`): ServedKind => {
    return { group, version: 'v1', kind: name, plural, namespaced: true };
  };
  /** Only what is wrong with the parts that are read here is looked at; all of it is kept. */
  const readKind = ({ group, version, kind: name, plural }: ResourceType<KubernetesObject>, schema: z.ZodType) => {
    const served: ServedKind = {
      ...{ group, version, kind: name, plural, namespaced: true, hasStatus: true },
      admit(object) {
        const { faults } = readPart(schema, '', object);
        if (faults.length > 0) throw invalid(served, object, faults);
        const { namespace, name } = metadataOf(object);
        if (served.kind !== SERVICE.kind) return object;
        const clusterIP = serviceAddress(String(namespace), String(name));
        return { ...object, spec: { ...(object.spec as JsonObject), clusterIP } };
      },
    };
    return served;
  };
  // The kubelet has nothing left to end of a pod that has ended, and nobody waits for its word.
  const graceSeconds = (object: JsonObject): number => {
    const pod = LOCAL_POD.parse(object);
    return isEnded(pod) ? 0 : pod.spec.terminationGracePeriodSeconds;
  };
  return [
    { ...kind('', 'Namespace'), namespaced: false, hasStatus: true },
    { ...readKind(LOCAL_POD, LOCAL_POD.schema), graceSeconds },
    readKind(SERVICE, SERVICE.schema),
    readKind(DEPLOYMENT, DEPLOYMENT.schema),
    readKind(ENDPOINT_SLICE, endpointSliceSchema),
    { ...kind('', 'Secret'), admit: encodedSecret },
    kind('', 'ConfigMap'),
    kind('events.k8s.io', 'Event'),
  ];
}

/** `stringData` is for writers; `data` is what is kept, in files by its keys (core/v1 Secret). */
function encodedSecret({ stringData, ...object }: JsonObject): JsonObject {
  const texts = Object.entries(isObject(stringData) ? stringData : {});
  const encoded = texts.map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
  const data: JsonObject = { ...(object.data as JsonObject), ...Object.fromEntries(encoded) };
  const faults = Object.keys(data)
    .filter((key) => !SECRET_KEY.test(key))
    .map((key) => ({ path: 'data', message: `"${key}" is no key: use letters, digits, dashes, underscores and dots` }));
  if (faults.length > 0) throw invalid(SECRET, object, faults);
  return { type: 'Opaque', ...object, data };
}
