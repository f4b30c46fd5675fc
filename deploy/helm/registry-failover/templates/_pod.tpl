{{/* What the pods of every component have in common; `restricted` in the sense of Pod Security. */}}

{{/* Takes a list of root and the component's values: where the pod may run, and who it is. */}}
{{- define "registry-failover.podSpec" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  # What is mounted, the token above all, can be read by this group only.
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "registry-failover.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Takes a list of root and component: one per node, and over the zones as far as there are any. */}}
{{- define "registry-failover.spread" -}}
dnsConfig:
  # Registries have full names: without this every one of them costs a search through the cluster's domains first.
  options:
    - name: ndots
      value: '1'
topologySpreadConstraints:
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: DoNotSchedule
    nodeTaintsPolicy: Honor
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "registry-failover.selectorLabels" . | nindent 8 }}
  - topologyKey: topology.kubernetes.io/zone
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    nodeTaintsPolicy: Honor
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "registry-failover.selectorLabels" . | nindent 8 }}
{{- end -}}

{{/* The way to registries; both components ask them. */}}
{{- define "registry-failover.proxyEnv" -}}
{{- with .Values.proxy }}
{{- if .secretName }}
- name: HTTPS_PROXY
  valueFrom:
    secretKeyRef: { name: {{ .secretName | quote }}, key: HTTPS_PROXY }
{{- else if .httpsProxy }}
- name: HTTPS_PROXY
  value: {{ .httpsProxy | quote }}
{{- end }}
{{- with .noProxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Asked on the operations port, which is there before there is a certificate. */}}
{{- define "registry-failover.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: ops }
  periodSeconds: 1
  failureThreshold: 60
  timeoutSeconds: 1
livenessProbe:
  httpGet: { path: /livez, port: ops }
  periodSeconds: 10
  failureThreshold: 3
  timeoutSeconds: 3
readinessProbe:
  httpGet: { path: /readyz, port: ops }
  periodSeconds: 3
  failureThreshold: 2
  timeoutSeconds: 2
{{- end -}}
