#!/usr/bin/env bash
# A uid in a patch of a custom resource's status does not say which object is meant: pin the resourceVersion.
#
# kube-apiserver v1.37.2. A client that read an object and patches it puts its `metadata.uid` into the patch, so that the
# write fails where that object was deleted and another one of the name created since. That holds
#     for a patch of the object itself:               422, metadata.uid: … field is immutable
#     for a PUT, to /status too:                      409, Precondition failed: UID in precondition
#     for a patch of /status of a built-in kind:      422
# but a patch of `/status` of a *custom resource*, merge patch, JSON patch or apply, is answered with 200 and changes the
# new object, whatever uid it carries: metadata is taken from the stored object before the two are compared.
# `metadata.resourceVersion` in the patch is compared everywhere (409), and no two objects have one in common.
#
# Seen:
#     the former uid in a merge patch of a Deployment's status:        422
#     the former uid in a merge patch of a custom resource:            422
#     the former uid in a merge patch of a custom resource's status:   200
#     the former uid in a JSON patch of a custom resource's status:    200
#     the former uid in an apply of a custom resource's status:        200
#     the former uid in a PUT of a custom resource's status:           409
#     the former resourceVersion in a merge patch of its status:       409
#
# Needs Go 1.26.0 or newer, a module proxy, curl and openssl; builds etcd and kube-apiserver (minutes when cold). Exits
# with 1 if the behaviour is another one.
set -euo pipefail
work=$(mktemp -d)
running=()
clean() {
  # The server first: without its store it takes minutes to end.
  for ((i = ${#running[@]} - 1; i >= 0; i--)); do kill "${running[i]}"; wait "${running[i]}" || true; done
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap clean EXIT
cd "$work"

# The staging modules of kubernetes are published as v0.37.2; its own go.mod names them by folder.
mkdir etcd kubernetes
(
  cd etcd
  go mod init finding && go get go.etcd.io/etcd/server/v3@v3.7.3
  go build -o ../bin/etcd go.etcd.io/etcd/server/v3
) >build.log 2>&1 || { cat build.log; exit 1; }
(
  cd kubernetes
  go mod init finding
  staged=$(sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' <(go mod download -json k8s.io/kubernetes@v1.37.2))
  for module in $(sed -n 's/^\t\(k8s\.io\/[^ ]*\) => .*/\1/p' "$staged"); do
    go mod edit -replace="$module=$module@v0.37.2"
  done
  go get k8s.io/kubernetes/cmd/kube-apiserver@v1.37.2
  go build -o ../bin/kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
) >build.log 2>&1 || { cat build.log; exit 1; }

port=$((20000 + RANDOM % 10000))
openssl genrsa -out accounts.key 2048 2>/dev/null
echo 'token,admin,admin,system:masters' >tokens.csv
store=http://127.0.0.1:$((port + 1)) peers=http://127.0.0.1:$((port + 2))
bin/etcd --data-dir data --listen-client-urls "$store" --advertise-client-urls "$store" --listen-peer-urls "$peers" \
  --initial-advertise-peer-urls "$peers" --initial-cluster "default=$peers" >etcd.log 2>&1 &
running+=($!)
bin/kube-apiserver --etcd-servers "$store" --bind-address 127.0.0.1 --secure-port "$port" --cert-dir certificates \
  --service-account-issuer https://issuer.example --service-account-key-file accounts.key \
  --service-account-signing-key-file accounts.key --service-cluster-ip-range 10.0.0.0/24 \
  --token-auth-file tokens.csv --authorization-mode RBAC >server.log 2>&1 &
running+=($!)

# METHOD PATH BODY [TYPE]: the body of the answer, and the status code on a line of its own.
ask() {
  curl --silent --insecure --header 'Authorization: Bearer token' --header "Content-Type: ${4:-application/json}" \
    --request "$1" "https://127.0.0.1:$port$2" --data "$3" --write-out '\n%{http_code}\n'
}
code() { ask "$@" | tail -n 1; }
# CODE METHOD PATH BODY: asks again until the code comes; a new kind is served a moment after it was written.
until_answered() {
  for _ in $(seq 600); do
    if [ "$(code "${@:2}")" = "$1" ]; then return; fi
    sleep 0.2
  done
  cat server.log
  exit 1
}
member() { ask GET "$1" '' | sed -n "s/.*\"$2\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

kind='{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
  "metadata": {"name": "widgets.example.org"},
  "spec": {"group": "example.org", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
    "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
      "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}'
of_widget='"apiVersion": "example.org/v1", "kind": "Widget"'
deployment='{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one"},
  "spec": {"selector": {"matchLabels": {"app": "one"}}, "template": {"metadata": {"labels": {"app": "one"}},
    "spec": {"containers": [{"name": "one", "image": "one"}]}}}}'
widgets=/apis/example.org/v1/namespaces/default/widgets
deployments=/apis/apps/v1/namespaces/default/deployments

until_answered 201 POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions "$kind"
until_answered 201 POST "$widgets" "{$of_widget, \"metadata\": {\"name\": \"one\"}}"
until_answered 201 POST "$deployments" "$deployment"
former=$(member "$widgets/one" uid) version=$(member "$widgets/one" resourceVersion)
until_answered 200 DELETE "$widgets/one" ''
until_answered 201 POST "$widgets" "{$of_widget, \"metadata\": {\"name\": \"one\"}}"

merge=application/merge-patch+json
uid="\"metadata\": {\"name\": \"one\", \"uid\": \"$former\"}, \"status\": {\"note\": \"mine\"}"
steps="[{\"op\": \"add\", \"path\": \"/metadata/uid\", \"value\": \"$former\"}, {\"op\": \"add\", \"path\": \"/status\", \"value\": {}}]"
pinned="{\"metadata\": {\"resourceVersion\": \"$version\"}, \"status\": {\"note\": \"mine\"}}"
said=$(
  say() { printf '%-64s %s\n' "$1:" "$(code "${@:2}")"; }
  say "the former uid in a merge patch of a Deployment's status" PATCH "$deployments/one/status" "{$uid}" $merge
  say "the former uid in a merge patch of a custom resource" PATCH "$widgets/one" "{$uid}" $merge
  say "the former uid in a merge patch of a custom resource's status" PATCH "$widgets/one/status" "{$uid}" $merge
  say "the former uid in a JSON patch of a custom resource's status" PATCH "$widgets/one/status" "$steps" application/json-patch+json
  say "the former uid in an apply of a custom resource's status" PATCH "$widgets/one/status?fieldManager=finding" "{$of_widget, $uid}" application/apply-patch+yaml
  say "the former uid in a PUT of a custom resource's status" PUT "$widgets/one/status" "{$of_widget, $uid}"
  say "the former resourceVersion in a merge patch of its status" PATCH "$widgets/one/status" "$pinned" $merge
)
echo "$said"
codes=$(grep -o '[0-9]*$' <<<"$said" | tr '\n' ' ')
if [ "$codes" != '422 422 200 200 200 409 409 ' ]; then
  echo 'the behaviour is another one'
  exit 1
fi
