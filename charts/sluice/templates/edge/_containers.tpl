{{/* A native sidecar: it starts before nginx and ends after it, so that no request of nginx stays without an answer. */}}
{{- define "sluice.sidecar" -}}
- name: sidecar
  restartPolicy: Always
  image: {{ include "sluice.image" (list . "edge") }}
  imagePullPolicy: {{ .Values.edge.image.pullPolicy }}
  ports:
    - name: internal
      containerPort: 8081
    - name: link
      containerPort: 8443
    - name: operations
      containerPort: 9090
  env:
    {{- include "sluice.env" (list (include "sluice.sidecarEnv" .) .Values.edge.extraEnv) | nindent 4 }}
  # Succeeds once nginx's configuration is written; only then does nginx start.
  startupProbe:
    httpGet:
      path: /startupz
      port: operations
    periodSeconds: 1
    failureThreshold: 60
  livenessProbe:
    httpGet:
      path: /livez
      port: operations
    periodSeconds: 10
    timeoutSeconds: 5
  # Ready once the operator has sent its routes, or with stored ones.
  readinessProbe:
    httpGet:
      path: /readyz
      port: operations
    periodSeconds: 2
    timeoutSeconds: 5
  resources:
    {{- toYaml .Values.edge.sidecar.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  volumeMounts:
    - name: run
      mountPath: /run/sluice
    - name: media
      mountPath: /var/lib/sluice/media
    - name: link
      mountPath: /etc/sluice/link
      readOnly: true
{{- end -}}

{{- define "sluice.sidecarEnv" -}}
- name: SLUICE_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: SLUICE_POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: SLUICE_POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: SLUICE_BIND_ADDRESS
  value: {{ .Values.edge.bindAddress | quote }}
- name: SLUICE_HTTP_PORT
  value: "8080"
- name: SLUICE_INTERNAL_PORT
  value: "8081"
- name: SLUICE_LINK_PORT
  value: "8443"
- name: SLUICE_OPERATIONS_PORT
  value: "9090"
- name: SLUICE_RUN_DIRECTORY
  value: /run/sluice
- name: SLUICE_MEDIA_DIRECTORY
  value: /var/lib/sluice/media
- name: SLUICE_MEDIA_SIZE_LIMIT
  value: {{ .Values.edge.media.sizeLimit | quote }}
- name: SLUICE_LINK_DIRECTORY
  value: /etc/sluice/link
- name: SLUICE_PAGE_DIRECTORY
  value: /app/page
- name: SLUICE_ALLOWED_CIDRS
  value: {{ join "," .Values.sources.allowedCIDRs | quote }}
- name: SLUICE_ACCESS_LOG
  value: {{ .Values.edge.accessLog | quote }}
- name: SLUICE_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end -}}

{{- define "sluice.nginx" -}}
- name: nginx
  image: {{ include "sluice.image" (list . "edge") }}
  imagePullPolicy: {{ .Values.edge.image.pullPolicy }}
  command: [nginx, -e, stderr, -c, /run/sluice/nginx.conf]
  ports:
    - name: http
      containerPort: 8080
  # The sidecar hands over what the edge owns. New viewers still come until the endpoints have moved everywhere. Then the
  # image's stop signal, SIGQUIT, lets nginx finish the answers that are running.
  lifecycle:
    preStop:
      exec:
        command: [node, /app/sidecar.js, leave, {{ .Values.edge.preStopSeconds | quote }}]
  startupProbe:
    httpGet:
      path: /healthz
      port: http
    periodSeconds: 1
    failureThreshold: 30
  livenessProbe:
    httpGet:
      path: /healthz
      port: http
    periodSeconds: 10
    timeoutSeconds: 5
  readinessProbe:
    httpGet:
      path: /healthz
      port: http
    periodSeconds: 5
    timeoutSeconds: 5
  resources:
    {{- toYaml .Values.edge.nginx.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  volumeMounts:
    - name: run
      mountPath: /run/sluice
    - name: media
      mountPath: /var/lib/sluice/media
      readOnly: true
{{- end -}}
