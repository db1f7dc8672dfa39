import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/process/command.ts';
import type { Kubectl } from '../install/kubectl.ts';
import { type Manifest, readManifests } from './manifests.ts';
import { kindSchemas, type OpenApiDocument } from './openapi-schema.ts';

/** The chart, and the release's name and namespace that all checks use. */
export interface ChartRelease {
  readonly helmPath: string;
  readonly chart: string;
  readonly name: string;
  readonly namespace: string;
}

/** A chart rendered by Helm. */
export interface Rendering {
  readonly text: string;
  readonly manifests: readonly Manifest[];
}

/** @param settings further arguments, e.g. `--set`, `edge.replicas=2` */
export async function renderChart(release: ChartRelease, settings: readonly string[] = []): Promise<Rendering> {
  const args = ['template', release.name, release.chart, '--namespace', release.namespace, ...settings];
  const text = await run(release.helmPath, args);
  return { text, manifests: readManifests(text) };
}

/** How `schema-location` names the files that {@link writeSchemas} writes. */
export const SCHEMA_LOCATION = '{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json';

/**
 * Writes a strict JSON schema for every kind of the API groups that the manifests use, as the running API server defines
 * them, so that no download is needed and the schemas are of exactly this version.
 */
export async function writeSchemas(kubectl: Kubectl, manifests: readonly Manifest[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const index = JSON.parse(await kubectl.run(['get', '--raw', '/openapi/v3'])) as {
    paths: Record<string, { serverRelativeURL: string } | undefined>;
  };
  for (const apiVersion of new Set(manifests.map((manifest) => manifest.apiVersion))) {
    const path = index.paths[apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`];
    if (path === undefined) throw new Error(`the API server does not know ${apiVersion}`);
    const document = JSON.parse(await kubectl.run(['get', '--raw', path.serverRelativeURL])) as OpenApiDocument;
    for (const { group, version, kind, schema } of kindSchemas(document)) {
      // kubeconform puts the version where the core group has no name.
      const name = `${group === '' ? version : group}_${version}_${kind.toLowerCase()}.json`;
      await writeFile(join(folder, name), JSON.stringify(schema));
    }
  }
}
