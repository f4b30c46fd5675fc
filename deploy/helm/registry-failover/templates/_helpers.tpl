{{/* Names and labels that more than one template needs. */}}

{{- define "registry-failover.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{/* Release name, with the chart's name unless it is in there already. 53 leaves room for the longest suffix. */}}
{{- define "registry-failover.fullname" -}}
{{- $name := include "registry-failover.name" . -}}
{{- $release := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $release | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "registry-failover.webhook" -}}
{{ include "registry-failover.fullname" . }}-webhook
{{- end -}}

{{- define "registry-failover.tlsSecret" -}}
{{ .Values.tls.secretName | default (printf "%s-tls" (include "registry-failover.webhook" .)) }}
{{- end -}}

{{/* What never changes in the life of a release: the only labels a selector may use. */}}
{{- define "registry-failover.selectorLabels" -}}
app.kubernetes.io/name: {{ include "registry-failover.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "registry-failover.labels" -}}
{{ include "registry-failover.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: registry-failover
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "registry-failover.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
