/** Arguments of Helm for every option that adds an object or a field. */
export const EVERYTHING = [
  ['imageRegistry', 'registry.example.com'],
  ['imagePullSecrets[0].name', 'regcred'],
  ['commonLabels.team', 'video'],
  ['publicURL', 'https://live.example.com/'],
  ['sources.allowedCIDRs', '{10.96.0.0/12,fd00::/8}'],
  ['link.existingSecret', 'keys'],
  ['link.existingOperatorSecret', 'operator-keys'],
  ['operator.replicas', '2'],
  ['operator.featureGates.LeaseWatch', 'false'],
  ['operator.extraEnv[0].name', 'SLUICE_LOG_LEVEL'],
  ['operator.extraEnv[0].value', 'debug'],
  ['edge.replicas', '3'],
  ['edge.image.digest', `sha256:${'0'.repeat(64)}`],
  ['edge.service.type', 'LoadBalancer'],
  ['edge.tolerations[0].operator', 'Exists'],
  ['edge.priorityClassName', 'system-cluster-critical'],
  ['transcoder.preferHardware', 'false'],
  ['transcoder.hardwareFallback', 'false'],
  ['transcoder.forceKillSeconds', '3'],
  ['transcoder.warnings.cpuPercent', '90'],
  ['transcoder.warnings.afterSeconds', '0'],
  ['transcoder.warnings.memoryMegabytes', '1000000'],
  ['ingress.enabled', 'true'],
  ['ingress.className', 'nginx'],
  ['ingress.hosts', '{live.example.com,tv.example.com}'],
  ['ingress.tls[0].secretName', 'live-tls'],
].flatMap(([key, value]) => ['--set', `${key}=${value}`]);

/** Arguments of Helm for what excludes `edge.replicas`. */
export const AUTOSCALED = [
  'edge.autoscaling.enabled=true',
  'edge.autoscaling.targetEgressBitsPerSecondPerPod=4000000000',
  'edge.autoscaling.targetRequestsPerSecondPerPod=2000',
].flatMap((setting) => ['--set', setting]);
