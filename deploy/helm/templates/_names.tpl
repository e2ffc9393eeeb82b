{{- define "duologue.name" -}}
{{- if contains "duologue" .Release.Name }}{{ .Release.Name | trunc 50 }}{{ else }}{{ printf "%s-duologue" .Release.Name | trunc 50 }}{{ end }}
{{- end }}

{{- define "duologue.selector" -}}
app.kubernetes.io/name: duologue
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "duologue.labels" -}}
{{ include "duologue.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* NAME=NUMBER pairs of DUOLOGUE_LIMIT. All clients may share a key, or a proxy's address. Large numbers stay whole ones. */}}
{{- define "duologue.limits" -}}
{{- $fixed := dict "sessions" .Values.sessionsPerServer "drain_s" .Values.drainSeconds -}}
{{- $limits := merge $fixed .Values.limits (dict "max_sessions_per_owner" .Values.sessionsPerServer) -}}
{{- $pairs := list -}}
{{- range $name, $value := $limits -}}
{{- $number := $value | toString -}}
{{- if kindIs "float64" $value }}{{ if eq $value (floor $value) }}{{ $number = int64 $value | toString }}{{ end }}{{ end -}}
{{- $pairs = append $pairs (printf "%s=%s" $name $number) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end }}
