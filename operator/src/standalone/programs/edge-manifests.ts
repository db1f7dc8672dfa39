import type { ApplyConfiguration } from '../../runtime/client/client.ts';
import { LOCAL_TAG } from './local-images.ts';

/** Namespace of Sluice's own pods. */
export const SYSTEM_NAMESPACE = 'sluice';

/** Name of the edges' Deployment and of the Service for viewers. */
export const EDGE_NAME = 'sluice-edge';

/** Name of the Service for transcode pods and the operator. */
export const EDGE_INTERNAL_NAME = 'sluice-edge-internal';

/** Secret with the edges' keys of the link. */
export const LINK_SECRET = 'sluice-link';

/** Two, so that what lies between them (the owner, its successor, a viewer at the other one) can be seen. */
const REPLICAS = 2;

const LABELS = { 'app.kubernetes.io/name': 'sluice', 'app.kubernetes.io/instance': 'sluice' };
const SELECTOR = { ...LABELS, 'app.kubernetes.io/component': 'edge' };

/**
 * The edges as the chart makes them, less what has no meaning for processes: security, resources, scheduling. A test
 * holds their containers against the chart's.
 * @param allowedCidrs networks that sources may be in although they are not public
 */
export function edgeManifests(allowedCidrs: readonly string[]): readonly ApplyConfiguration[] {
  const metadata = (name: string) => ({ name, namespace: SYSTEM_NAMESPACE, labels: SELECTOR });
  const manifests = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: metadata(EDGE_NAME),
      spec: {
        replicas: REPLICAS,
        selector: { matchLabels: SELECTOR },
        template: { metadata: { labels: SELECTOR }, spec: podSpec(allowedCidrs) },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(EDGE_NAME),
      spec: { selector: SELECTOR, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(EDGE_INTERNAL_NAME),
      spec: {
        selector: SELECTOR,
        ports: [
          { name: 'internal', port: 8081, targetPort: 'internal' },
          { name: 'link', port: 8443, targetPort: 'link' },
        ],
      },
    },
  ];
  return manifests as readonly ApplyConfiguration[];
}

function podSpec(allowedCidrs: readonly string[]): object {
  return {
    terminationGracePeriodSeconds: 60,
    initContainers: [sidecar(allowedCidrs)],
    containers: [nginx()],
    volumes: [
      { name: 'run', emptyDir: {} },
      { name: 'media', emptyDir: {} },
      { name: 'link', secret: { secretName: LINK_SECRET } },
    ],
  };
}

function sidecar(allowedCidrs: readonly string[]): object {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const settings = {
    SLUICE_HTTP_PORT: '8080',
    SLUICE_INTERNAL_PORT: '8081',
    SLUICE_LINK_PORT: '8443',
    SLUICE_OPERATIONS_PORT: '9090',
    SLUICE_RUN_DIRECTORY: '/run/sluice',
    SLUICE_MEDIA_DIRECTORY: '/var/lib/sluice/media',
    SLUICE_MEDIA_SIZE_LIMIT: '10Gi',
    SLUICE_LINK_DIRECTORY: '/etc/sluice/link',
    SLUICE_PAGE_DIRECTORY: '/app/page',
    SLUICE_ALLOWED_CIDRS: allowedCidrs.join(','),
    SLUICE_ACCESS_LOG: 'false',
    SLUICE_LOG_LEVEL: 'info',
  };
  return {
    name: 'sidecar',
    image: `sluice/edge:${LOCAL_TAG}`,
    restartPolicy: 'Always',
    ports: [
      { name: 'internal', containerPort: 8081 },
      { name: 'link', containerPort: 8443 },
      { name: 'operations', containerPort: 9090 },
    ],
    env: [
      field('SLUICE_POD_NAME', 'metadata.name'),
      field('SLUICE_POD_UID', 'metadata.uid'),
      field('SLUICE_POD_IP', 'status.podIP'),
      ...Object.entries(settings).map(([name, value]) => ({ name, value })),
    ],
    startupProbe: { httpGet: { path: '/startupz', port: 'operations' }, periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: { httpGet: { path: '/livez', port: 'operations' }, periodSeconds: 10, timeoutSeconds: 5 },
    readinessProbe: { httpGet: { path: '/readyz', port: 'operations' }, periodSeconds: 2, timeoutSeconds: 5 },
    volumeMounts: [
      { name: 'run', mountPath: '/run/sluice' },
      { name: 'media', mountPath: '/var/lib/sluice/media' },
      { name: 'link', mountPath: '/etc/sluice/link', readOnly: true },
    ],
  };
}

function nginx(): object {
  const health = { path: '/healthz', port: 'http' };
  return {
    name: 'nginx',
    image: `sluice/edge:${LOCAL_TAG}`,
    command: ['nginx', '-e', 'stderr', '-c', '/run/sluice/nginx.conf'],
    ports: [{ name: 'http', containerPort: 8080 }],
    lifecycle: { preStop: { exec: { command: ['node', '/app/sidecar.js', 'leave', '10'] } } },
    startupProbe: { httpGet: health, periodSeconds: 1, failureThreshold: 30 },
    livenessProbe: { httpGet: health, periodSeconds: 10, timeoutSeconds: 5 },
    readinessProbe: { httpGet: health, periodSeconds: 5, timeoutSeconds: 5 },
    volumeMounts: [
      { name: 'run', mountPath: '/run/sluice' },
      { name: 'media', mountPath: '/var/lib/sluice/media', readOnly: true },
    ],
  };
}
