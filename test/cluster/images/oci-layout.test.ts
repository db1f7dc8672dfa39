import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { blobPath, imageDigests, indexFor, layoutHas, pruneLayout, readIndex, repositoryOf } from './oci-layout.ts';

test.each([
  ['docker.io/sluice/edge:1a2b', 'docker.io/sluice/edge'],
  ['localhost:5000/edge', 'localhost:5000/edge'],
  ['localhost:5000/edge:1', 'localhost:5000/edge'],
])('the repository of %s is %s', (reference, repository) => expect(repositoryOf(reference)).toBe(repository));

describe('a layout with two images of one repository and one of another', () => {
  let folder = '';
  const manifest = (reference: string, digest: string) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${digest}`,
    size: 1,
    annotations: { 'org.opencontainers.image.ref.name': reference },
  });
  const blob = (digest: string, content: unknown) =>
    writeFileSync(join(folder, 'blobs/sha256', digest), JSON.stringify(content));
  const image = (digest: string, layers: readonly string[]) => {
    const descriptor = (name: string) => ({ mediaType: 'x', digest: `sha256:${name}`, size: 1 });
    blob(digest, { config: descriptor(`config-${digest}`), layers: layers.map(descriptor) });
    blob(`config-${digest}`, {});
    for (const layer of layers) blob(layer, {});
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-oci-'));
    mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
    image('old', ['base', 'old-js']);
    image('new', ['base', 'new-js']);
    image('other', ['base', 'ffmpeg']);
    const manifests = [manifest('r/edge:old', 'old'), manifest('r/edge:new', 'new'), manifest('r/other:1', 'other')];
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('gives one image an index with the name that containerd reads', async () => {
    const index = indexFor(await readIndex(folder), 'r/edge:new');
    expect(index?.manifests).toHaveLength(1);
    expect(index?.manifests[0]?.annotations?.['io.containerd.image.name']).toBe('r/edge:new');
    expect(indexFor(await readIndex(folder), 'r/edge:none')).toBeNull();
  });

  test('names all parts of an image', async () => {
    const found = (await readIndex(folder)).manifests[1];
    if (found === undefined) throw new Error('no manifest');
    expect(await imageDigests(folder, found)).toEqual(
      ['new', 'config-new', 'base', 'new-js'].map((name) => `sha256:${name}`),
    );
  });

  test('loses the older image and only what no other image needs', async () => {
    await pruneLayout(folder, 'r/edge:new');
    expect(await layoutHas(folder, 'r/edge:old')).toBe(false);
    expect(await layoutHas(folder, 'r/other:1')).toBe(true);
    const present = (name: string) => existsSync(join(folder, blobPath(`sha256:${name}`)));
    expect(['old', 'config-old', 'old-js'].filter(present)).toEqual([]);
    expect(['new', 'base', 'new-js', 'ffmpeg', 'other'].every(present)).toBe(true);
  });

  test('that is broken says how to mend it', async () => {
    writeFileSync(join(folder, 'index.json'), 'half');
    await expect(readIndex(folder)).rejects.toThrow('remove it');
  });
});
