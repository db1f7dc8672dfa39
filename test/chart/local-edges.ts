import { readFileSync } from 'node:fs';
import { EDGES_FILE } from '@sluice/operator/standalone/start.ts';
import { parseAllDocuments } from 'yaml';
import type { Container, Manifest, PodSpec } from './manifests.ts';

/** What has no meaning for a process of this machine, or says how it is reached there. */
const LEFT_OUT = new Set(['image', 'imagePullPolicy', 'resources', 'securityContext']);
const OTHER_VARIABLES = new Set(['SLUICE_BIND_ADDRESS', 'SLUICE_ALLOWED_CIDRS']);

/** The containers of an edge's Deployment without what a start without Kubernetes leaves out. */
export function essentialContainers({ spec }: Manifest): readonly object[] {
  const pod = spec.template.spec as PodSpec;
  return [...(pod.initContainers ?? []), ...pod.containers].map(essence);
}

function essence(container: Container): object {
  const kept = Object.entries(container).filter(([field]) => !LEFT_OUT.has(field));
  const { env } = container;
  return {
    ...Object.fromEntries(kept),
    ...(env === undefined ? {} : { env: env.filter(({ name }) => !OTHER_VARIABLES.has(name)) }),
  };
}

/** The edges' Deployment of a start without Kubernetes. */
export function localEdges(): Manifest {
  const [deployment] = parseAllDocuments(readFileSync(EDGES_FILE, 'utf8'));
  if (deployment === undefined) throw new Error('there is no Deployment of edges');
  return deployment.toJS() as Manifest;
}
