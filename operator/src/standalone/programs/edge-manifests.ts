import { parseAllDocuments } from 'yaml';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { LOCAL_TAG } from './local-images.ts';

/** Namespace of Sluice's own pods. */
export const SYSTEM_NAMESPACE = 'sluice';
/** Name of the edges' Deployment and of the Service for viewers. */
export const EDGE_NAME = 'sluice-edge';
/** Name of the Service for transcode pods and the operator. */
export const EDGE_INTERNAL_NAME = 'sluice-edge-internal';
/** Secret with the edges' keys of the link. */
export const LINK_SECRET = 'sluice-link';

const LABELS =
  '{app.kubernetes.io/name: sluice, app.kubernetes.io/instance: sluice, app.kubernetes.io/component: edge}';

/** Two replicas, so that what lies between them (the owner, its successor, a viewer at the other one) can be seen. */
const manifests = (allowedCidrs: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${EDGE_NAME}, namespace: ${SYSTEM_NAMESPACE}, labels: ${LABELS}}
spec:
  replicas: 2
  selector: {matchLabels: ${LABELS}}
  template:
    metadata: {labels: ${LABELS}}
    spec:
      terminationGracePeriodSeconds: 60
      initContainers:
        - name: sidecar
          image: sluice/edge:${LOCAL_TAG}
          restartPolicy: Always
          ports:
            - {name: internal, containerPort: 8081}
            - {name: link, containerPort: 8443}
            - {name: operations, containerPort: 9090}
          env:
            - {name: SLUICE_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: SLUICE_POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
            - {name: SLUICE_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
            - {name: SLUICE_HTTP_PORT, value: "8080"}
            - {name: SLUICE_INTERNAL_PORT, value: "8081"}
            - {name: SLUICE_LINK_PORT, value: "8443"}
            - {name: SLUICE_OPERATIONS_PORT, value: "9090"}
            - {name: SLUICE_RUN_DIRECTORY, value: /run/sluice}
            - {name: SLUICE_MEDIA_DIRECTORY, value: /var/lib/sluice/media}
            - {name: SLUICE_MEDIA_SIZE_LIMIT, value: 10Gi}
            - {name: SLUICE_LINK_DIRECTORY, value: /etc/sluice/link}
            - {name: SLUICE_PAGE_DIRECTORY, value: /app/page}
            - {name: SLUICE_ALLOWED_CIDRS, value: ${allowedCidrs}}
            - {name: SLUICE_ACCESS_LOG, value: "false"}
            - {name: SLUICE_LOG_LEVEL, value: info}
          startupProbe: {httpGet: {path: /startupz, port: operations}, periodSeconds: 1, failureThreshold: 60}
          livenessProbe: {httpGet: {path: /livez, port: operations}, periodSeconds: 10, timeoutSeconds: 5}
          readinessProbe: {httpGet: {path: /readyz, port: operations}, periodSeconds: 2, timeoutSeconds: 5}
          volumeMounts:
            - {name: run, mountPath: /run/sluice}
            - {name: media, mountPath: /var/lib/sluice/media}
            - {name: link, mountPath: /etc/sluice/link, readOnly: true}
      containers:
        - name: nginx
          image: sluice/edge:${LOCAL_TAG}
          command: [nginx, -e, stderr, -c, /run/sluice/nginx.conf]
          ports: [{name: http, containerPort: 8080}]
          lifecycle: {preStop: {exec: {command: [node, /app/sidecar.js, leave, "10"]}}}
          startupProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1, failureThreshold: 30}
          livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10, timeoutSeconds: 5}
          readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5, timeoutSeconds: 5}
          volumeMounts:
            - {name: run, mountPath: /run/sluice}
            - {name: media, mountPath: /var/lib/sluice/media, readOnly: true}
      volumes:
        - {name: run, emptyDir: {}}
        - {name: media, emptyDir: {}}
        - {name: link, secret: {secretName: ${LINK_SECRET}}}
---
apiVersion: v1
kind: Service
metadata: {name: ${EDGE_NAME}, namespace: ${SYSTEM_NAMESPACE}, labels: ${LABELS}}
spec:
  selector: ${LABELS}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: ${EDGE_INTERNAL_NAME}, namespace: ${SYSTEM_NAMESPACE}, labels: ${LABELS}}
spec:
  selector: ${LABELS}
  ports:
    - {name: internal, port: 8081, targetPort: internal}
    - {name: link, port: 8443, targetPort: link}
`;

/**
 * The edges as the chart makes them, less what has no meaning for processes: security, resources, scheduling. A test
 * holds their containers against the chart's.
 * @param allowedCidrs networks that sources may be in although they are not public
 */
export function edgeManifests(allowedCidrs: readonly string[]): readonly JsonObject[] {
  const documents = parseAllDocuments(manifests(JSON.stringify(allowedCidrs.join(','))));
  return documents.map((document) => document.toJS() as JsonObject);
}
