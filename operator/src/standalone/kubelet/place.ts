import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { SECRET } from '../../kinds.ts';
import { isObject } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import type { Container, LocalPod, Variable } from '../api/shapes.ts';
import { type LocalImage, mapPath, type PathMapping } from './images.ts';

/** Folders that others may pass but not list: nginx's workers, which root's nginx runs as nobody. */
const PASSABLE = 0o711;
/** Secrets are for the pod's own programs. */
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o400;

/** What the containers of a pod find on this machine. */
export interface PodPlace {
  readonly pod: LocalPod;
  readonly address: string;
  /** The pod's own folder. */
  readonly folder: string;
  /** The folder in it with its volumes, each named like its volume. */
  readonly volumes: string;
  /** PATH and the like, for every container. */
  readonly environment: Readonly<Record<string, string>>;
  /** Replaces names of Services in a value. */
  readonly resolve: (text: string) => string;
}

/**
 * Makes the folders of a pod's volumes.
 * @throws SluiceError SECRET_MISSING, retryable: the pod waits for it; VOLUME_UNSUPPORTED
 */
export async function makeVolumes({ metadata, spec }: LocalPod, folder: string, store: ObjectStore): Promise<void> {
  const { namespace } = metadata;
  await mkdir(folder, { recursive: true, mode: PASSABLE });
  for (const { name, emptyDir, secret } of spec.volumes) {
    const path = join(folder, name);
    if (secret === undefined && emptyDir === undefined) {
      const message = `volume ${name}: only emptyDir and secret have a local counterpart`;
      throw new SluiceError(message, { code: 'VOLUME_UNSUPPORTED', retryable: false });
    }
    await rm(path, { recursive: true, force: true }); // of an attempt that missed a Secret: its files cannot be written
    await mkdir(path, { recursive: true, mode: secret === undefined ? 0o755 : PRIVATE_FOLDER });
    if (secret === undefined) continue;
    const object = store.list(SECRET).find(({ metadata: found }) => {
      return isObject(found) && found.namespace === namespace && found.name === secret.secretName;
    });
    if (object === undefined && !secret.optional) {
      const message = `Secret ${namespace}/${secret.secretName} does not exist`;
      throw new SluiceError(message, { code: 'SECRET_MISSING', retryable: true });
    }
    for (const [key, value] of Object.entries(object === undefined ? {} : SECRET.parse(object).data)) {
      await writeFile(join(path, key), value, { mode: PRIVATE_FILE });
    }
  }
}

/** Where the paths of a container lie: its mounts, and its image's own files. */
export function mappingsOf(
  { volumeMounts }: Container,
  image: LocalImage,
  { volumes }: PodPlace,
): readonly PathMapping[] {
  const mounts = volumeMounts.map(({ name, mountPath }) => ({
    inside: mountPath.replace(/\/+$/, ''),
    outside: join(volumes, name),
  }));
  return [...mounts, ...image.files];
}

/**
 * The variables of a container: paths and Services get their local places. On this machine all pods share every address
 * but their own, so that each is told to listen there.
 * @throws SluiceError CONFIG_INVALID naming a field that does not exist
 */
export function environmentOf(container: Container, image: LocalImage, place: PodPlace): Record<string, string> {
  const mappings = mappingsOf(container, image, place);
  const temporary = mappings.find(({ inside }) => inside === '/tmp');
  const own = Object.entries(image.environment).map(([name, value]) => ({ name, value }));
  const variables = [...own, ...container.env].map((variable) => {
    return [variable.name, mapPath(place.resolve(textOf(variable, place)), mappings)];
  });
  return {
    ...place.environment,
    ...(temporary === undefined ? {} : { TMPDIR: temporary.outside }),
    ...Object.fromEntries(variables),
    SLUICE_BIND_ADDRESS: place.address,
  };
}

function textOf({ name, value, valueFrom }: Variable, { pod, address }: PodPlace): string {
  if (valueFrom === undefined) return value;
  const { fieldPath } = valueFrom.fieldRef;
  const fields = { metadata: pod.metadata, status: { podIP: address } };
  const found = fieldPath.split('.').reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), fields);
  if (typeof found === 'string') return found;
  const message = `env ${name}: there is no field ${fieldPath}; known: metadata.name, .namespace, .uid, status.podIP`;
  throw new SluiceError(message, { code: 'CONFIG_INVALID', retryable: false });
}
