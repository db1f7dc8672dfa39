import type { JsonObject } from '../memory/fields.ts';
import { apiVersionOf, type ServedKind } from '../memory/served-kind.ts';

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/** What kubectl asks for before anything else: which groups and kinds there are. null for any other path. */
export function discovery(kinds: readonly ServedKind[], path: string): JsonObject | null {
  if (path === '/version') return { major: '1', minor: '35', gitVersion: 'v1.35.0+memory' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups(kinds) };
  const ofVersion = kinds.filter((kind) => path === rootOf(kind));
  return ofVersion.length === 0 ? null : resources(ofVersion);
}

function rootOf(kind: ServedKind): string {
  return kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`;
}

function groups(kinds: readonly ServedKind[]): readonly JsonObject[] {
  const versions = new Map(kinds.filter(({ group }) => group !== '').map((kind) => [kind.group, kind]));
  return [...versions.values()].map((kind) => {
    const version = { groupVersion: apiVersionOf(kind), version: kind.version };
    return { name: kind.group, versions: [version], preferredVersion: version };
  });
}

function resources(kinds: readonly ServedKind[]): JsonObject {
  const all = kinds.flatMap(({ plural, kind, namespaced, hasStatus }) => {
    const resource = { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs: VERBS };
    const verbs = ['get', 'patch', 'update'];
    const status = { name: `${plural}/status`, singularName: '', namespaced, kind, verbs };
    return hasStatus === true ? [resource, status] : [resource];
  });
  const groupVersion = kinds[0] === undefined ? '' : apiVersionOf(kinds[0]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: all };
}
