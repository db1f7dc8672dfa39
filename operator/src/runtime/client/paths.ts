import type { KubernetesObject, ObjectName, ResourceType, Selection } from './client.ts';

/** `/api/v1` or `/apis/<group>/<version>`, then the namespace if there is one, then the plural. */
export function collectionPath(type: ResourceType<KubernetesObject>, namespace: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  return type.namespaced && namespace !== ''
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`
    : `${root}/${type.plural}`;
}

/** Path of one object, or of its subresource. */
export function objectPath(type: ResourceType<KubernetesObject>, name: ObjectName, subresource = ''): string {
  const path = `${collectionPath(type, name.namespace)}/${encodeURIComponent(name.name)}`;
  return subresource === '' ? path : `${path}/${subresource}`;
}

/** Query of a list or watch, with a leading `?`, or empty. */
export function selectionQuery(selection: Selection, more: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(more);
  if (selection.labelSelector !== undefined) query.set('labelSelector', selection.labelSelector);
  if (selection.fieldSelector !== undefined) query.set('fieldSelector', selection.fieldSelector);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
