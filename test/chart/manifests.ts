import { parseAllDocuments } from 'yaml';

/** A Kubernetes object as a manifest writes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: manifests of every kind go through here; each check asserts what it reads
  readonly [field: string]: any;
}

/** A container, as far as the checks read it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly resources?: { readonly requests?: Record<string, string>; readonly limits?: Record<string, string> };
  readonly startupProbe?: object;
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
  readonly securityContext?: ContainerSecurity;
}

/** `securityContext` of a container. */
export interface ContainerSecurity {
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

/** A pod's spec, as far as the checks read it. */
export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: Pick<ContainerSecurity, 'runAsNonRoot' | 'runAsUser' | 'seccompProfile'>;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
}

/** A pod that a manifest makes, directly or by a template. */
export interface PodTemplate {
  /** `Deployment/sluice-edge`. */
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** Pods that run once for Helm; nothing watches their health. */
  readonly hook: boolean;
}

/**
 * Reads a stream of YAML documents; empty ones are left out.
 * @throws Error naming the first syntax error
 */
export function readManifests(text: string): Manifest[] {
  const manifests: Manifest[] = [];
  // Kubernetes reads YAML 1.1, where 0440 is an octal number.
  for (const document of parseAllDocuments(text, { version: '1.1' })) {
    const error = document.errors[0];
    if (error !== undefined) throw new Error(error.message);
    const value = document.toJS() as Manifest | null;
    if (value !== null) manifests.push(value);
  }
  return manifests;
}

/** All pods that these manifests make. */
export function podTemplates(manifests: readonly Manifest[]): PodTemplate[] {
  return manifests.flatMap((manifest) => {
    const template = manifest.kind === 'Pod' ? manifest : manifest.spec?.template;
    if (template?.spec?.containers === undefined) return [];
    const hook = manifest.metadata.annotations?.['helm.sh/hook'] !== undefined;
    const owner = `${manifest.kind}/${manifest.metadata.name}`;
    return [{ owner, labels: template.metadata?.labels ?? {}, spec: template.spec as PodSpec, hook }];
  });
}

/** Init containers and containers. */
export function containersOf(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}
