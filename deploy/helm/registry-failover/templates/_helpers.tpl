{{/* Names and labels that more than one template needs. */}}

{{- define "registry-failover.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* Release name, with the chart's name unless it is in there already. 52 leaves room for "-controller" in a Service's name. */}}
{{- define "registry-failover.fullname" -}}
{{- $name := include "registry-failover.name" . -}}
{{- $release := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $release | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "registry-failover.webhook" -}}
{{ include "registry-failover.fullname" . }}-webhook
{{- end -}}

{{- define "registry-failover.controller" -}}
{{ include "registry-failover.fullname" . }}-controller
{{- end -}}

{{- define "registry-failover.agent" -}}
{{ include "registry-failover.fullname" . }}-agent
{{- end -}}

{{/* Whose the files on nodes are; it stands in each of them. */}}
{{- define "registry-failover.owner" -}}
{{ .Release.Namespace }}/{{ include "registry-failover.fullname" . }}
{{- end -}}

{{/* Credentials that nodes pull with; the controller makes it. */}}
{{- define "registry-failover.nodeAuthSecret" -}}
{{ include "registry-failover.fullname" . }}-node-auth
{{- end -}}

{{/* Whose certificate it is: the controller's, cert-manager's, or one that was brought along. */}}
{{- define "registry-failover.certificates" -}}
{{- if .Values.tls.certManager.enabled -}}
cert-manager
{{- else if or .Values.tls.secretName .Values.tls.caBundle -}}
own
{{- else -}}
controller
{{- end -}}
{{- end -}}

{{- define "registry-failover.tlsSecret" -}}
{{ .Values.tls.secretName | default (printf "%s-tls" (include "registry-failover.webhook" .)) }}
{{- end -}}

{{/* The Secrets that the controller makes its certificates in, as a YAML list. */}}
{{- define "registry-failover.certificateSecrets" -}}
- {{ include "registry-failover.webhook" . }}-ca
- {{ include "registry-failover.webhook" . }}-tls
{{- end -}}

{{/* The users that the API server sees. They can be told from their namespace and name alone. */}}
{{- define "registry-failover.webhookUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "registry-failover.webhook" . }}
{{- end -}}

{{- define "registry-failover.agentUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "registry-failover.agent" . }}
{{- end -}}

{{- define "registry-failover.controllerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "registry-failover.controller" . }}
{{- end -}}

{{/* Takes a list of root and component. What never changes in the life of a release: the only labels a selector may use. */}}
{{- define "registry-failover.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "registry-failover.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Takes a list of root and component. */}}
{{- define "registry-failover.labels" -}}
{{- $root := index . 0 -}}
{{ include "registry-failover.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: registry-failover
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end -}}

{{- define "registry-failover.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
