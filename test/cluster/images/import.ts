import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { ClusterConfig } from '../config.ts';
import { ctr, listNodeImages } from '../node/containers.ts';
import type { NodeLayout } from '../node/layout.ts';
import { exportToLayout } from './buildah.ts';
import { blobPath, imageDigests, indexFor, layoutHas, pruneLayout, REF_NAME, readIndex } from './oci-layout.ts';

/** Folder of the OCI image layout through which images go from buildah to containerd. */
export function layoutFolder(config: ClusterConfig): string {
  return join(config.cacheDirectory, 'oci');
}

/**
 * Makes an image of buildah's storage known to the node. Only layers that neither side has yet are written: the
 * layout is kept, its layers are uncompressed (compressing 1 GB costs more than all the rest), and the archive that
 * containerd reads leaves out what its content store holds already.
 */
export async function importImage(config: ClusterConfig, node: NodeLayout, reference: string): Promise<void> {
  const folder = layoutFolder(config);
  const exported = await layoutHas(folder, reference);
  if (exported && (await listNodeImages(node)).includes(reference)) return;
  if (!exported) {
    await mkdir(folder, { recursive: true });
    await exportToLayout(config, reference, folder);
    await pruneLayout(folder, reference);
  }
  const index = indexFor(await readIndex(folder), reference);
  const manifest = index?.manifests[0];
  if (index === null || manifest === undefined) throw importFailed(reference, 'buildah did not export it');
  const present = new Set((await ctr(node, ['content', 'list', '--quiet'])).split('\n'));
  const missing = (await imageDigests(folder, manifest)).filter((digest) => !present.has(digest));
  const head = await mkdtemp(join(config.cacheDirectory, '.import-'));
  try {
    await writeFile(join(head, 'index.json'), JSON.stringify(index));
    await writeFile(join(head, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const headFiles = ['-C', head, 'oci-layout', 'index.json'];
    await pipeArchive(node, reference, ['-cf', '-', ...headFiles, '-C', folder, ...new Set(missing.map(blobPath))]);
  } finally {
    await rm(head, { recursive: true, force: true });
  }
  if (!(await listNodeImages(node)).includes(reference)) throw importFailed(reference, 'containerd does not list it');
}

/** Forgets images of the node that the layout no longer holds: versions that a newer build has replaced. */
export async function removeReplacedImages(config: ClusterConfig, node: NodeLayout): Promise<void> {
  const folder = layoutFolder(config);
  const keep = new Set<string>();
  for (const manifest of (await readIndex(folder)).manifests) {
    // The runtime names every image a second time, by the digest of its configuration.
    for (const digest of await imageDigests(folder, manifest)) keep.add(digest);
    keep.add(manifest.annotations?.[REF_NAME] ?? '');
  }
  const replaced = (await listNodeImages(node)).filter((name) => isOurs(name) && !keep.has(name));
  if (replaced.length > 0) await ctr(node, ['images', 'remove', ...replaced]);
}

/** Images that came over the layout; others were imported by hand and are let be. */
function isOurs(name: string): boolean {
  return name.startsWith('docker.io/sluice/') || name.startsWith('sha256:');
}

async function pipeArchive(node: NodeLayout, reference: string, tarArguments: readonly string[]): Promise<void> {
  const tar = spawn('tar', tarArguments, { stdio: ['ignore', 'pipe', 'inherit'] });
  const args = ['--address', node.containerdSocket, '--namespace', 'k8s.io', 'images', 'import', '-'];
  const importer = spawn('ctr', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  for (const stream of [importer.stdout, importer.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  const end = (child: typeof importer | typeof tar) =>
    new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve(code ?? 1));
    });
  const ends = Promise.all([end(tar), end(importer)]);
  // A broken pipe means that the importer has ended; its exit code and words say why.
  const [codes] = await Promise.all([ends, pipeline(tar.stdout, importer.stdin).catch(() => {})]);
  if (codes.some((code) => code !== 0)) throw importFailed(reference, Buffer.concat(said).toString('utf8').trim());
}

function importFailed(reference: string, reason: string): SluiceError {
  return new SluiceError(`cannot import ${reference} into containerd: ${reason}`, {
    code: 'IMAGE_IMPORT_FAILED',
    retryable: false,
  });
}
