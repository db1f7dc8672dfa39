import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** https://github.com/opencontainers/image-spec/blob/main/descriptor.md, as far as it is used here. */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:<hex>`. */
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The part of an image index that is used (OCI image-spec 1.1, image-index.md). */
export interface OciIndex {
  readonly schemaVersion: 2;
  readonly manifests: readonly Descriptor[];
}

interface OciManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** The annotation that holds the name of an image in an index. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** The annotation by which containerd names an imported image. */
const CONTAINERD_NAME = 'io.containerd.image.name';

/** `docker.io/sluice/edge` of `docker.io/sluice/edge:1a2b`. */
export function repositoryOf(reference: string): string {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/') ? reference.slice(0, colon) : reference;
}

/** The index that holds only `reference`, annotated so that containerd gives it that name; null if it is not there. */
export function indexFor(index: OciIndex, reference: string): OciIndex | null {
  const found = index.manifests.find((manifest) => manifest.annotations?.[REF_NAME] === reference);
  if (found === undefined) return null;
  const annotations = { [REF_NAME]: reference, [CONTAINERD_NAME]: reference };
  return { schemaVersion: 2, manifests: [{ ...found, annotations }] };
}

/** The index without older images of the same repository as `reference`. */
export function withoutOlder(index: OciIndex, reference: string): OciIndex {
  const keep = (manifest: Descriptor) => {
    const name = manifest.annotations?.[REF_NAME] ?? '';
    return name === reference || repositoryOf(name) !== repositoryOf(reference);
  };
  return { ...index, manifests: index.manifests.filter(keep) };
}

/** Path of a blob inside a layout. */
export function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** @throws SluiceError `OCI_LAYOUT_INVALID` if the folder holds no index */
export async function readIndex(folder: string): Promise<OciIndex> {
  try {
    return JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as OciIndex;
  } catch (cause) {
    const message = `${folder} is not an OCI image layout; remove it to have it built again`;
    throw new SluiceError(message, { code: 'OCI_LAYOUT_INVALID', retryable: false, cause });
  }
}

/** True if the layout holds the image. */
export async function layoutHas(folder: string, reference: string): Promise<boolean> {
  if (!existsSync(join(folder, 'index.json'))) return false;
  return indexFor(await readIndex(folder), reference) !== null;
}

/** Digests of everything an image consists of: manifest, configuration, layers from the lowest up. */
export async function imageDigests(folder: string, manifest: Descriptor): Promise<string[]> {
  const text = await readFile(join(folder, blobPath(manifest.digest)), 'utf8');
  const content = JSON.parse(text) as OciManifest;
  return [manifest.digest, content.config.digest, ...content.layers.map((layer) => layer.digest)];
}

/** Forgets older images of `reference`'s repository and deletes blobs that no image needs any more. */
export async function pruneLayout(folder: string, reference: string): Promise<void> {
  const index = withoutOlder(await readIndex(folder), reference);
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  const needed = new Set<string>();
  for (const manifest of index.manifests) {
    for (const digest of await imageDigests(folder, manifest)) needed.add(digest);
  }
  for (const name of await readdir(join(folder, 'blobs/sha256'))) {
    if (!needed.has(`sha256:${name}`)) await rm(join(folder, 'blobs/sha256', name));
  }
}
