#!/usr/bin/env bash
# A ResourceQuota holds nobody back until something else has written its status.
#
# kube-apiserver v1.37.2. The API server checks creates against a quota, and counts them in `status.used` itself. But it
# goes by `status.hard`, which only the quota controller (kube-controller-manager) fills: a quota that was just made, or
# whose controller is away, lets everything pass, whatever its `spec.hard` says. With `status.hard` and no `status.used`
# it is the other way round: nothing passes. Once both are there the server alone keeps the count.
#
# So who makes a namespace with its quota and hands out rights in it does so in three steps: the quota, then a wait until
# `status.used` is there, then the rights; and a test of a limit first waits until it is seen to refuse.
#
# Seen, with `spec.hard: {count/configmaps: "1"}` in a namespace that has none:
#     three creates, status empty:                        201 201 201
#     a create, status.hard without status.used:          403 … status unknown for quota: limit, resources: count/configmaps
#     two creates, status.hard "1" and status.used "0":   201 403
#     status.used after that:                             1
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

namespace=/api/v1/namespaces/limited
until_answered 201 POST /api/v1/namespaces '{"metadata": {"name": "limited"}}'
quota='{"metadata": {"name": "limit"}, "spec": {"hard": {"count/configmaps": "1"}}}'
until_answered 201 POST "$namespace/resourcequotas" "$quota"
# The plugin looks at a copy of its own: it has the quota when its own next look at the status has come, too.
map() { code POST "$namespace/configmaps" "{\"metadata\": {\"name\": \"$1\"}}"; }
status() { code PATCH "$namespace/resourcequotas/limit/status" "{\"status\": $1}" application/merge-patch+json; }
sleep 3
empty="$(map a) $(map b) $(map c)"
echo "three creates, status empty:                        $empty"
status '{"hard": {"count/configmaps": "1"}}' >/dev/null
until_answered 403 POST "$namespace/configmaps?dryRun=All" '{"metadata": {"name": "probe"}}'
said=$(ask POST "$namespace/configmaps" '{"metadata": {"name": "d"}}' | grep -o 'status unknown for quota: [^"]*')
echo "a create, status.hard without status.used:          403 … $said"
status '{"used": {"count/configmaps": "0"}}' >/dev/null
until_answered 201 POST "$namespace/configmaps?dryRun=All" '{"metadata": {"name": "probe"}}'
status '{"used": {"count/configmaps": "0"}}' >/dev/null
both="$(map e) $(map f)"
echo "two creates, status.hard \"1\" and status.used \"0\":   $both"
used=$(ask GET "$namespace/resourcequotas/limit" '' | tr -d ' \n' | sed -n 's/.*"used":{"count\/configmaps":"\([0-9]*\)".*/\1/p')
echo "status.used after that:                             $used"
[ "$empty" = '201 201 201' ] && [ "$said" = 'status unknown for quota: limit, resources: count/configmaps' ] &&
  [ "$both" = '201 403' ] && [ "$used" = 1 ] || { echo 'the behaviour is another one'; exit 1; }
