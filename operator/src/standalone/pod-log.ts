import { StatusAnswer } from '../runtime/memory/answer.ts';
import type { SubresourceHandler } from '../runtime/memory/api-server.ts';
import { isObject, type JsonObject, metadataOf } from '../runtime/memory/fields.ts';
import type { MachineRoom } from './machine-room.ts';

/** Serves `pods/log`: what the container of that name has printed, or the first one. */
export function podLog(room: Pick<MachineRoom, 'logs'>): SubresourceHandler {
  return (pod, query, response) => {
    const { namespace, name } = metadataOf(pod);
    const container = query.get('container') ?? firstContainer(pod);
    const text = room.logs(String(namespace), String(name), container);
    if (text === null) {
      throw new StatusAnswer(
        400,
        'BadRequest',
        `container ${container} is not valid for pod ${name}, or has not started`,
      );
    }
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
  };
}

function firstContainer({ spec }: JsonObject): string {
  const containers = isObject(spec) && Array.isArray(spec.containers) ? spec.containers : [];
  const [first] = containers;
  return isObject(first) ? String(first.name) : '';
}
