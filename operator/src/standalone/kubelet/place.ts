import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { SECRET } from '../../kinds.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import type { Container, LocalPod, Variable } from '../api/shapes.ts';
import { type LocalImage, mapPath, type PathMapping } from './images.ts';

/** Folders that others may pass but not list: nginx's workers, which root's nginx runs as nobody. */
const PASSABLE = 0o711;
/** Secrets are for the pod's own programs. */
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o400;

/** Secrets that volumes and variables of a pod name, decoded, by name. */
export type PodSecrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What the containers of a pod find on this machine. */
export interface PodPlace {
  readonly pod: LocalPod;
  readonly address: string;
  /** The pod's own folder. */
  readonly folder: string;
  /** The folder in it with its volumes, each named like its volume. */
  readonly volumes: string;
  /** Empty until they have been read. */
  secrets: PodSecrets;
  /** PATH and the like, for every container. */
  readonly environment: Readonly<Record<string, string>>;
  /** Replaces names of Services in a value. */
  readonly resolve: (text: string) => string;
}

/**
 * Reads the Secrets that a pod needs.
 * @throws SluiceError SECRET_MISSING, retryable: the pod waits for it
 */
export function readSecrets({ metadata, spec }: LocalPod, store: Pick<ObjectStore, 'list'>): PodSecrets {
  const { namespace } = metadata;
  const variables = [...spec.initContainers, ...spec.containers].flatMap(({ env }) => env);
  const wanted = [
    ...spec.volumes.flatMap(({ secret }) => (secret === undefined ? [] : [{ ...secret, name: secret.secretName }])),
    ...variables.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
  ];
  const there = wanted.length === 0 ? [] : store.list(SECRET).map((raw) => SECRET.parse(raw));
  const found: Record<string, Readonly<Record<string, string>>> = {};
  for (const { name, optional } of wanted) {
    const secret = there.find((each) => each.metadata.namespace === namespace && each.metadata.name === name);
    if (secret !== undefined) found[name] = secret.data;
    else if (!optional) {
      throw new SluiceError(`Secret ${namespace}/${name} does not exist`, { code: 'SECRET_MISSING', retryable: true });
    }
  }
  return found;
}

/** Makes the folders of a pod's volumes. @throws SluiceError VOLUME_UNSUPPORTED */
export async function makeVolumes({ spec }: LocalPod, folder: string, secrets: PodSecrets): Promise<void> {
  await mkdir(folder, { recursive: true, mode: PASSABLE });
  for (const { name, emptyDir, secret } of spec.volumes) {
    if (secret === undefined && emptyDir === undefined) {
      const message = `volume ${name}: only emptyDir and secret have a local counterpart`;
      throw new SluiceError(message, { code: 'VOLUME_UNSUPPORTED', retryable: false });
    }
    const path = join(folder, name);
    await mkdir(path, { recursive: true, mode: secret === undefined ? 0o755 : PRIVATE_FOLDER });
    for (const [key, value] of Object.entries(secrets[secret?.secretName ?? ''] ?? {})) {
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
 * The variables of a container: `$(NAME)` stands for an earlier one, paths and Services get their local places. On this
 * machine all pods share every address but their own, so that each is told to listen there.
 * @throws SluiceError CONFIG_INVALID naming a field or key that does not exist
 */
export function environmentOf(container: Container, image: LocalImage, place: PodPlace): Record<string, string> {
  const mappings = mappingsOf(container, image, place);
  const result: Record<string, string> = { ...place.environment };
  const temporary = mappings.find(({ inside }) => inside === '/tmp');
  if (temporary !== undefined) result.TMPDIR = temporary.outside;
  const own = Object.entries(image.environment).map(([name, value]) => ({ name, value }));
  for (const variable of [...own, ...container.env]) {
    const text = textOf(variable, place);
    if (text === null) continue;
    const expanded = text.replace(/\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)/g, (whole, name) => result[name] ?? whole);
    result[variable.name] = mapPath(place.resolve(expanded), mappings);
  }
  return { ...result, SLUICE_BIND_ADDRESS: place.address };
}

/** Null for an optional key that is not there. */
function textOf({ name, value, valueFrom }: Variable, { pod, address, secrets }: PodPlace): string | null {
  if (valueFrom?.fieldRef !== undefined) {
    const { fieldPath } = valueFrom.fieldRef;
    const fields = { metadata: pod.metadata, status: { podIP: address } };
    const found = fieldPath.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], fields);
    if (typeof found !== 'string') throw invalid(`env ${name}: there is no field ${fieldPath}`);
    return found;
  }
  const key = valueFrom?.secretKeyRef;
  if (key === undefined) return value;
  const found = secrets[key.name]?.[key.key];
  if (found === undefined && !key.optional) throw invalid(`env ${name}: Secret ${key.name} has no key ${key.key}`);
  return found ?? null;
}

function invalid(message: string): SluiceError {
  return new SluiceError(message, { code: 'CONFIG_INVALID', retryable: false });
}
