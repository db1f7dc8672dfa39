import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { SECRET } from '../../kinds.ts';
import type { Client } from '../../runtime/client/client.ts';
import type { PathMapping } from './paths.ts';
import type { Container, LocalPod } from './pod.ts';

/** Folders that others may pass but not list: nginx's workers, which root's nginx runs as nobody. */
const PASSABLE = 0o711;
/** Secrets are for the pod's own programs. */
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o400;

/** Secrets that volumes and variables of a pod name, decoded, by name. */
export type PodSecrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Reads the Secrets that a pod needs.
 * @throws SluiceError SECRET_MISSING, retryable: the pod waits for it
 */
export async function readSecrets(pod: LocalPod, client: Pick<Client, 'get'>): Promise<PodSecrets> {
  const { namespace } = pod.metadata;
  const found: Record<string, Readonly<Record<string, string>>> = {};
  for (const [name, optional] of secretNames(pod)) {
    const secret = await client.get(SECRET, { namespace, name });
    if (secret !== null) found[name] = secret.data;
    else if (!optional) {
      throw new SluiceError(`Secret ${namespace}/${name} does not exist`, { code: 'SECRET_MISSING', retryable: true });
    }
  }
  return found;
}

/** Names of Secrets, and whether the pod starts without. */
function secretNames({ spec }: LocalPod): ReadonlyMap<string, boolean> {
  const names = new Map<string, boolean>();
  const add = (name: string, optional: boolean): void => {
    names.set(name, optional && (names.get(name) ?? true));
  };
  for (const { secret } of spec.volumes) if (secret !== undefined) add(secret.secretName, secret.optional);
  for (const { env } of [...spec.initContainers, ...spec.containers]) {
    for (const { valueFrom } of env) {
      if (valueFrom?.secretKeyRef !== undefined) add(valueFrom.secretKeyRef.name, valueFrom.secretKeyRef.optional);
    }
  }
  return names;
}

/**
 * Makes the folders of a pod's volumes below `folder`, each named like its volume.
 * @throws SluiceError VOLUME_UNSUPPORTED
 */
export async function makeVolumes(pod: LocalPod, folder: string, secrets: PodSecrets): Promise<void> {
  await mkdir(folder, { recursive: true, mode: PASSABLE });
  for (const { name, emptyDir, secret } of pod.spec.volumes) {
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

/** Where the mounts of a container lie. */
export function mountMappings({ volumeMounts }: Container, folder: string): readonly PathMapping[] {
  return volumeMounts.map(({ name, mountPath }) => ({
    inside: mountPath.replace(/\/+$/, ''),
    outside: join(folder, name),
  }));
}
