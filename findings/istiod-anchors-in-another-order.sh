#!/usr/bin/env bash
# The same trust anchors in another order are other trust anchors to istiod, and keep a new intermediate out.
#
# istiod of istio.io/istio v0.0.0-20260827124520-eed52ebb66ad (1.31) with a plugged-in CA and without
# ISTIO_MULTIROOT_MESH. It follows changes of its CA files as long as root-cert.pem stays what it was. What it was is asked
# byte for byte: two roots that change places, with nothing added and nothing taken away, make it drop the whole update,
# a valid new ca-cert.pem and ca-key.pem included. It says so in one line of its log, and signs on with the former
# intermediate until that ends. With the order kept the same intermediate is loaded at once.
#
# So who writes root-cert.pem keeps its order from one write to the next, whoever signs, and does not put "the signing root
# first" once it holds two.
#
# Seen, with roots A and B, and intermediates 1 and 2 under A:
#     started with 1 under A, B; written 2 under B, A: dropped: "Multi root is disabled, updating new ROOT-CA not supported"
#     written 2 under A, B:                            loaded
#
# Needs Go 1.26.0 or newer, a module proxy, curl and openssl; builds etcd, kube-apiserver and istiod (minutes when cold).
# Exits with 1 if the behaviour is another one.
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
mkdir etcd kubernetes istio
(
  cd etcd
  go mod init finding && go get go.etcd.io/etcd/server/v3@v3.7.3
  go build -trimpath -o ../bin/etcd go.etcd.io/etcd/server/v3
) >build.log 2>&1 || { cat build.log; exit 1; }
(
  cd kubernetes
  go mod init finding
  staged=$(sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' <(go mod download -json k8s.io/kubernetes@v1.37.2))
  for module in $(sed -n 's/^\t\(k8s\.io\/[^ ]*\) => .*/\1/p' "$staged"); do
    go mod edit -replace="$module=$module@v0.37.2"
  done
  go get k8s.io/kubernetes/cmd/kube-apiserver@v1.37.2
  go build -trimpath -o ../bin/kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
) >build.log 2>&1 || { cat build.log; exit 1; }

(
  cd istio
  go mod init finding && go get istio.io/istio/pilot/cmd/pilot-discovery@v0.0.0-20260827124520-eed52ebb66ad
  go build -trimpath -o ../bin/pilot-discovery istio.io/istio/pilot/cmd/pilot-discovery
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

until_answered 201 POST /api/v1/namespaces '{"metadata": {"name": "istio-system"}}'
cat >kubeconfig <<END
{"apiVersion": "v1", "kind": "Config", "current-context": "a",
 "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:$port", "insecure-skip-tls-verify": true}}],
 "users": [{"name": "a", "user": {"token": "token"}}],
 "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]}
END

authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n'
for root in a b; do
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$root.key" -out "$root.pem" -subj "/O=Root $root" -days 30 \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
done
for number in 1 2; do
  openssl req -new -newkey rsa:2048 -nodes -keyout "$number.key" -out "$number.csr" -subj "/O=Intermediate $number" 2>/dev/null
  openssl x509 -req -in "$number.csr" -CA a.pem -CAkey a.key -CAcreateserial -days 20 -out "$number.pem" \
    -extfile <(printf '%b' "$authority") 2>/dev/null
done
# As kubelet shows a Secret: a folder that is swapped in one step. NUMBER ROOT ROOT
turn=0
show() {
  turn=$((turn + 1))
  mkdir "cacerts/..$turn"
  cp "$1.pem" "cacerts/..$turn/ca-cert.pem"
  cp "$1.pem" "cacerts/..$turn/cert-chain.pem"
  cp "$1.key" "cacerts/..$turn/ca-key.pem"
  cat "$2.pem" "$3.pem" >"cacerts/..$turn/root-cert.pem"
  ln -s "..$turn" cacerts/..next
  mv -T cacerts/..next cacerts/..data
}
mkdir cacerts
show 1 a b
for file in ca-cert.pem cert-chain.pem ca-key.pem root-cert.pem; do ln -s "..data/$file" "cacerts/$file"; done
env -i ROOT_CA_DIR="$work/cacerts" POD_NAMESPACE=istio-system ISTIO_MULTIROOT_MESH=false HOME="$work" bin/pilot-discovery discovery \
  --kubeconfig kubeconfig --clusterID Kubernetes --httpsAddr '' --grpcAddr '' --ctrlz_port 0 \
  --httpAddr "127.0.0.1:$((port + 3))" --secureGRPCAddr "127.0.0.1:$((port + 4))" \
  --monitoringAddr "127.0.0.1:$((port + 5))" >istiod.log 2>&1 &
running+=($!)
until_true() {
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  tail -n 40 istiod.log
  exit 1
}
until_true curl --silent --fail "http://127.0.0.1:$((port + 3))/ready"
said='Multi root is disabled, updating new ROOT-CA not supported'
loaded='updated its key and certs accordingly'
show 2 b a
until_true grep -q "$said" istiod.log
sleep 5
first=dropped
if grep -q "$loaded" istiod.log; then first=loaded; fi
show 2 a b
until_true grep -q "$loaded" istiod.log
echo "started with 1 under A, B; written 2 under B, A: $first: \"$said\""
echo "written 2 under A, B:                            loaded"
[ "$first" = dropped ] || { echo 'the behaviour is another one'; exit 1; }
