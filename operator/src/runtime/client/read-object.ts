import { messageOf } from '../errors/error.ts';
import { ApiError } from './api-error.ts';
import type { KubernetesObject, ResourceType } from './client.ts';

/** An object out of the API server as the kind's own type. @throws ApiError `UnreadableObject` */
export function readObject<T extends KubernetesObject>(type: ResourceType<T>, raw: unknown): T {
  try {
    return type.parse(raw);
  } catch (cause) {
    throw new ApiError(`${type.kind}: the object that the API server sent cannot be read: ${messageOf(cause)}`, {
      code: 'UnreadableObject',
      retryable: false,
      status: 502,
      cause,
    });
  }
}
