{{/* The release's name, with the chart's unless it has that already. */}}
{{- define "kshot.name" -}}
{{- ternary .Release.Name (printf "%s-kshot" .Release.Name) (contains "kshot" .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* What tells this release's pods from all others. */}}
{{- define "kshot.selector" -}}
app.kubernetes.io/name: kshot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of the pod of `helm test`, which must not be sent requests. */}}
{{- define "kshot.testSelector" -}}
app.kubernetes.io/name: kshot-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "kshot.labels" -}}
{{ include "kshot.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "kshot.image" -}}
{{ required "image.repository is empty: build the image (docker build -t REPOSITORY:TAG .), push it to where the cluster pulls from, and name it" .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* "true" where API keys are asked for. */}}
{{- define "kshot.keyed" -}}
{{- if or .Values.keys.existingSecret .Values.keys.file }}true{{ end -}}
{{- end -}}

{{- define "kshot.keysSecret" -}}
{{ .Values.keys.existingSecret | default (printf "%s-keys" (include "kshot.name" .)) }}
{{- end -}}

{{/* The Secret of AWS_*, or nothing. */}}
{{- define "kshot.awsSecret" -}}
{{- if .Values.aws.existingSecret }}{{ .Values.aws.existingSecret }}{{ else if .Values.aws.env }}{{ include "kshot.name" . }}-aws{{ end -}}
{{- end -}}

{{- define "kshot.claim" -}}
{{ .Values.store.existingClaim | default (include "kshot.name" .) }}
{{- end -}}

{{/* "true" where several replicas can work on the store. */}}
{{- define "kshot.shared" -}}
{{- if or .Values.store.s3 (eq .Values.store.accessMode "ReadWriteMany") }}true{{ end -}}
{{- end -}}

{{/* The most replicas that there may be at a time. */}}
{{- define "kshot.replicas" -}}
{{ ternary .Values.autoscaling.maxReplicas .Values.replicas (ne .Values.autoscaling.by "") }}
{{- end -}}

{{/* The names by which a server without keys may be asked for; by its address Prometheus asks. */}}
{{- define "kshot.trustedHosts" -}}
{{- $name := include "kshot.name" . -}}
{{- $service := printf "%s.%s" $name .Release.Namespace -}}
{{- $names := list $name $service (printf "%s.svc" $service) (printf "%s.svc.cluster.local" $service) .Values.host -}}
{{ concat $names .Values.trustedHosts (list "$(POD_IP)") | compact | join "," }}
{{- end -}}

{{/* Refuse what could not work. */}}
{{- define "kshot.refuse" -}}
{{- if and (gt (int (include "kshot.replicas" .)) 1) (not (include "kshot.shared" .)) }}
{{- fail "more than one replica needs a store that they share: set store.s3, or store.accessMode=ReadWriteMany for a volume that can do that; otherwise replicas=1, without autoscaling" }}
{{- end }}
{{- if and .Values.store.s3 .Values.store.existingClaim }}
{{- fail "store.s3 and store.existingClaim both say where the models are kept: set one of them" }}
{{- end }}
{{- if not (or (include "kshot.keyed" .) .Values.anonymous) }}
{{- fail "nobody could use the server: make API keys (kshot keys add NAME --keys keys.json) and set keys.existingSecret or keys.file, or set anonymous=true where something else keeps strangers out" }}
{{- end }}
{{- if and (include "kshot.keyed" .) .Values.anonymous }}
{{- fail "anonymous=true has no use beside API keys: set one of them" }}
{{- end }}
{{- if and .Values.monitoring.enabled (include "kshot.keyed" .) (not .Values.monitoring.keySecret) }}
{{- fail "with API keys Prometheus needs one of its own: kshot keys add prometheus --metrics; put it into a Secret as `key`, and set monitoring.keySecret" }}
{{- end }}
{{- if and (eq .Values.autoscaling.by "queue") (not (and .Values.monitoring.enabled .Values.autoscaling.prometheus)) }}
{{- fail "KEDA reads the queue from Prometheus: set monitoring.enabled=true and autoscaling.prometheus" }}
{{- end }}
{{- end -}}
