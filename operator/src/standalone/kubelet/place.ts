import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { SECRET } from '../../kinds.ts';
import { fieldAt, type JsonObject } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import type { Container, LocalPod, Variable } from '../api/shapes.ts';
import type { LocalImage } from './images.ts';
import type { ProcessStart } from './machine.ts';
import type { PodServices } from './pod-run.ts';

/** What the containers of a pod find on this machine. */
export interface PodPlace {
  readonly pod: LocalPod;
  readonly address: string;
  /** The pod's own folder, with one in `volumes` for each volume, named like it. */
  readonly folder: string;
}

/** Folders that others may pass but not list: nginx's workers, which root's nginx runs as nobody. */
const PASSABLE = 0o711;
/** Secrets are for the pod's own programs. */
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o400;

/**
 * Makes the folders of a pod's volumes.
 * @throws SluiceError SECRET_MISSING, retryable: the pod waits for it
 */
export async function makeVolumes({ metadata, spec }: LocalPod, folder: string, store: ObjectStore): Promise<void> {
  const { namespace } = metadata;
  await mkdir(folder, { recursive: true, mode: PASSABLE });
  for (const { name, secret } of spec.volumes) {
    const path = join(folder, name);
    await rm(path, { recursive: true, force: true }); // of an attempt that missed a Secret: its files cannot be written
    await mkdir(path, { mode: secret === undefined ? 0o755 : PRIVATE_FOLDER });
    if (secret === undefined) continue;
    const object = store.find(SECRET, namespace, secret.secretName);
    if (object === undefined && !secret.optional) {
      const message = `Secret ${namespace}/${secret.secretName} does not exist`;
      throw new SluiceError(message, { code: 'SECRET_MISSING', retryable: true });
    }
    if (object !== undefined) await writeSecret(path, object);
  }
}

/** Lets what a pod mounts of a Secret be what the Secret holds now; each file is exchanged as a whole. */
export async function refreshSecret({ spec }: LocalPod, folder: string, secretName: unknown, object: JsonObject) {
  const mounts = spec.volumes.filter(({ secret }) => secret?.secretName === secretName);
  for (const { name } of mounts) await writeSecret(join(folder, name), object);
}

async function writeSecret(folder: string, object: JsonObject): Promise<void> {
  const { data } = SECRET.parse(object);
  for (const [key, value] of Object.entries(data)) {
    const unfinished = join(folder, `..${key}`);
    await writeFile(unfinished, value, { mode: PRIVATE_FILE });
    await rename(unfinished, join(folder, key));
  }
  const gone = (await readdir(folder)).filter((file) => !Object.hasOwn(data, file));
  for (const file of gone) await rm(join(folder, file));
}

/**
 * How a command of a container starts here. Paths and Services get their local places; the first word gets its local
 * program, which lies where it lies whatever the pod mounts. On this machine all pods share every address but their own,
 * so that each is told to listen there.
 * @throws SluiceError CONFIG_INVALID naming a field that does not exist
 */
export function localStart(
  command: readonly string[],
  { volumeMounts, env }: Container,
  image: LocalImage,
  place: PodPlace,
  { environment: usual, network }: Pick<PodServices, 'environment' | 'network'>,
): Omit<ProcessStart, 'onLine'> {
  const mounts = volumeMounts.map(({ name, mountPath }) => [
    mountPath.replace(/\/+$/, ''),
    join(place.folder, 'volumes', name),
  ]);
  const mappings = { ...image.files, ...Object.fromEntries(mounts) } as Readonly<Record<string, string>>;
  const [first = '', ...rest] = command.map((word) => mapPath(word, mappings));
  const program = Object.hasOwn(image.programs, first) ? image.programs[first] : undefined;
  const own = Object.entries(image.environment).map(([name, value]) => ({ name, value }));
  const variables = [...own, ...env].map((variable) => {
    return [variable.name, mapPath(network.resolve(textOf(variable, place)), mappings)];
  });
  const environment = {
    ...usual,
    ...(mappings['/tmp'] === undefined ? {} : { TMPDIR: mappings['/tmp'] }),
    ...Object.fromEntries(variables),
    SLUICE_BIND_ADDRESS: place.address,
  };
  return { command: [...(program ?? [first]), ...rest], environment, directory: place.folder };
}

/**
 * Local processes share one file system: a value that is a path below a mounted volume, or below a folder of the
 * image, is replaced by the path that it really has. The longest mapping wins, as with mounts. Any other text stays.
 */
export function mapPath(text: string, mappings: Readonly<Record<string, string>>): string {
  const fits = Object.entries(mappings).filter(([inside]) => text === inside || text.startsWith(`${inside}/`));
  const [best] = fits.sort(([one], [other]) => other.length - one.length);
  return best === undefined ? text : best[1] + text.slice(best[0].length);
}

function textOf({ name, value = '', valueFrom }: Partial<Variable>, { pod, address }: PodPlace): string {
  if (valueFrom === undefined) return value;
  const { fieldPath } = valueFrom.fieldRef;
  const found = fieldAt({ metadata: pod.metadata, status: { podIP: address } }, fieldPath.split('.'));
  if (typeof found === 'string') return found;
  const message = `env ${name}: there is no field ${fieldPath}; known: metadata.name, .namespace, .uid, status.podIP`;
  throw new SluiceError(message, { code: 'CONFIG_INVALID', retryable: false });
}
