{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Prefix of all names; 40 characters leave room for the longest suffix. */}}
{{- define "sluice.fullname" -}}
{{- $name := include "sluice.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which Services and Deployments find their pods: (list $ "operator"). */}}
{{- define "sluice.selectorLabels" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ include "sluice.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* Labels of every object: (list $ "operator"). */}}
{{- define "sluice.labels" -}}
{{- $root := first . -}}
{{ include "sluice.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Name of a component's ServiceAccount: (list $ "operator"). */}}
{{- define "sluice.serviceAccountName" -}}
{{- $root := first . -}}
{{- $account := (index $root.Values (last .)).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "sluice.fullname" $root) (last .)) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{/* Reference of a component's image: (list $ "operator"). */}}
{{- define "sluice.image" -}}
{{- $root := first . -}}
{{- $image := (index $root.Values (last .)).image -}}
{{- $registry := default $root.Values.imageRegistry $image.registry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
:{{ default $root.Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{- define "sluice.linkSecret" -}}
{{- if ne (empty .Values.link.existingSecret) (empty .Values.link.existingOperatorSecret) -}}
{{- fail "link.existingSecret and link.existingOperatorSecret belong together: set both or none" -}}
{{- end -}}
{{- default (printf "%s-link" (include "sluice.fullname" .)) .Values.link.existingSecret -}}
{{- end -}}

{{- define "sluice.linkOperatorSecret" -}}
{{- default (printf "%s-link-operator" (include "sluice.fullname" .)) .Values.link.existingOperatorSecret -}}
{{- end -}}

{{/* `true` where the operator keeps the number of edge pods, else empty; refuses what excludes each other. */}}
{{- define "sluice.edgeAutoscaling" -}}
{{- with .Values.edge.autoscaling -}}
{{- if .enabled -}}
{{- if ne (int (default 1 $.Values.edge.replicas)) 1 -}}
{{- fail "edge.replicas and edge.autoscaling.enabled exclude each other: leave edge.replicas out and set edge.autoscaling.minReplicas and maxReplicas" -}}
{{- end -}}
{{- $least := int (default 1 .minReplicas) -}}
{{- $most := int (default 10 .maxReplicas) -}}
{{- if gt $least $most -}}
{{- fail (printf "edge.autoscaling.minReplicas (%d) is above maxReplicas (%d): lower the one or raise the other" $least $most) -}}
{{- end -}}
{{- if not (or .targetViewersPerPod .targetEgressBitsPerSecondPerPod .targetRequestsPerSecondPerPod) -}}
{{- fail "edge.autoscaling has nothing to go by: set targetViewersPerPod, targetEgressBitsPerSecondPerPod or targetRequestsPerSecondPerPod" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.publicURL" -}}
{{- if .Values.publicURL -}}
{{- trimSuffix "/" .Values.publicURL -}}
{{- else if and .Values.ingress.enabled .Values.ingress.hosts -}}
{{- ternary "https" "http" (not (empty .Values.ingress.tls)) -}}://{{ first .Values.ingress.hosts }}
{{- end -}}
{{- end -}}
