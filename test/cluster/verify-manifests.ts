/** Namespace of everything that the check of a cluster makes. */
export const VERIFY_NAMESPACE = 'sluice-verify';

const CONTAINER_SECURITY = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const POD_SECURITY = { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } };

const SIDECAR = `console.log('sidecar starts');
process.on('SIGTERM', () => { console.log('sidecar stops'); process.exit(0); });
setInterval(() => {}, 1000);`;

const WEB = `require('http').createServer((request, response) => {
  console.log('request ' + request.url); response.end(require('os').hostname()); }).listen(8080);
process.on('SIGTERM', () => { console.log('web stops'); process.exit(0); });`;

/** More than the limit of the container that runs it. */
const GREEDY = 'const all = []; for (;;) all.push(Buffer.alloc(10e6, 1));';

/** Namespace with restricted pods, a Service of two of them, and one pod that wants too much memory. */
export function verifyManifests(image: string): Readonly<Record<string, unknown>> {
  const name = (metadata: string) => ({ name: metadata, namespace: VERIFY_NAMESPACE });
  const labels = { app: 'web' };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: VERIFY_NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: name('web'),
        spec: {
          replicas: 2,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: webPod(image) },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: name('web'),
        spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: name('greedy'),
        spec: {
          restartPolicy: 'Never',
          securityContext: POD_SECURITY,
          containers: [container(image, 'greedy', GREEDY)],
        },
      },
    ],
  };
}

function webPod(image: string): unknown {
  return {
    securityContext: POD_SECURITY,
    terminationGracePeriodSeconds: 20,
    // A native sidecar: started before, stopped after the containers (Kubernetes 1.29 and newer).
    initContainers: [{ ...container(image, 'sidecar', SIDECAR), restartPolicy: 'Always' }],
    containers: [
      {
        ...container(image, 'web', WEB),
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
        lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo preStop > /proc/1/fd/1; sleep 1'] } } },
      },
    ],
  };
}

function container(image: string, name: string, program: string) {
  return {
    name,
    image,
    command: ['node', '-e', program],
    resources: { limits: { memory: '128Mi' } },
    securityContext: CONTAINER_SECURITY,
  };
}

/**
 * What happened at the end of a pod, in order.
 * @param log lines of several containers, each with the time (RFC 3339) in front
 */
export function shutdownOrder(log: string): readonly string[] {
  return log
    .split('\n')
    .filter((line) => /\s(preStop|\w+ stops)$/.test(line))
    .sort((one, other) => (one < other ? -1 : 1))
    .map((line) => line.slice(line.indexOf(' ') + 1));
}
