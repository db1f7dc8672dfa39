import { type Container, containersOf, type PodSpec } from './manifests.ts';

/** Volumes that the restricted standard admits. */
const ALLOWED_VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/**
 * What a pod does against the Pod Security Standard "restricted", and against our own rule of a read-only root.
 * @returns one sentence per violation; empty if there is none
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
 */
export function restrictedViolations(spec: PodSpec): string[] {
  const violations: string[] = [];
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[field]) violations.push(`${field} is true`);
  }
  for (const volume of spec.volumes ?? []) {
    const kinds = Object.keys(volume).filter((key) => key !== 'name');
    const forbidden = kinds.filter((kind) => !ALLOWED_VOLUMES.includes(kind));
    if (forbidden.length > 0) violations.push(`volume ${volume.name} is a ${forbidden.join(', ')}`);
  }
  for (const container of containersOf(spec)) {
    for (const violation of containerViolations(spec, container)) violations.push(`${container.name}: ${violation}`);
  }
  return violations;
}

function containerViolations(spec: PodSpec, container: Container): string[] {
  const own = container.securityContext ?? {};
  const pod = spec.securityContext ?? {};
  const violations: string[] = [];
  if (own.privileged) violations.push('privileged');
  if (own.allowPrivilegeEscalation !== false) violations.push('allowPrivilegeEscalation is not false');
  if (own.readOnlyRootFilesystem !== true) violations.push('readOnlyRootFilesystem is not true');
  if ((own.runAsNonRoot ?? pod.runAsNonRoot) !== true) violations.push('runAsNonRoot is not true');
  if ((own.runAsUser ?? pod.runAsUser) === 0) violations.push('runAsUser is 0');
  const seccomp = (own.seccompProfile ?? pod.seccompProfile)?.type;
  if (seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost') violations.push('seccompProfile is not RuntimeDefault');
  if (!own.capabilities?.drop?.includes('ALL')) violations.push('capabilities.drop lacks ALL');
  const added = (own.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE');
  if (added.length > 0) violations.push(`capabilities.add has ${added.join(', ')}`);
  return violations;
}
