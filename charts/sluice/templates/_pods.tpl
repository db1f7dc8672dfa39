{{/*
A container's environment: the chart's variables, then the user's: (list <YAML list of variables> <extraEnv>).
One of the user's replaces the chart's of the same name, because server-side apply refuses a name that occurs twice.
*/}}
{{- define "sluice.env" -}}
{{- $extra := last . -}}
{{- $replaced := list -}}
{{- range $extra }}{{ $replaced = append $replaced .name }}{{ end -}}
{{- $env := list -}}
{{- range first . | fromYamlArray }}
{{- if not (has .name $replaced) }}{{ $env = append $env . }}{{ end -}}
{{- end -}}
{{- toYaml (concat $env $extra) -}}
{{- end -}}

{{/* Where a component's pods may run: (list $ "operator"). */}}
{{- define "sluice.scheduling" -}}
{{- $component := index (first .).Values (last .) -}}
{{- with $component.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/*
Labels and annotations of a component's pods: (list $ "operator"). Without the chart's version: a new version of the
chart alone must not restart pods that viewers are connected to.
*/}}
{{- define "sluice.podMetadata" -}}
{{- $component := index (first .).Values (last .) -}}
labels:
  {{- include "sluice.selectorLabels" . | nindent 2 }}
  {{- with (first .).Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $component.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $component.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
