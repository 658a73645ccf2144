//! What an agent needs: on the hub, and in its own cluster.

use serde_json::{Value, json};

use crate::access::{
    READ, Subject, allow, allow_events, allow_named, bound_cluster_role, role, service_account,
};
use crate::workload::{Workload, deployment};
use crate::{label, metadata, namespace};
use meshroot_api::Bytes;
use meshroot_api::names::{
    AGENT_LEASE, AGENT_NAMESPACE, AGENT_SERVICE_ACCOUNT, CLUSTER_LABEL, CREDENTIAL_CA_KEY,
    CREDENTIAL_CLUSTER_KEY, CREDENTIAL_SERVER_KEY, CREDENTIAL_TOKEN_KEY, HUB_CREDENTIALS_SECRET,
    SYSTEM_NAMESPACE, cluster_namespace,
};
use meshroot_core::meshes::{self, Right, istio};

/// Where a mesh is installed unless somebody chose otherwise.
pub const DEFAULT_MESH_NAMESPACE: &str = istio::DEFAULT_NAMESPACE;

const NAME: &str = "meshroot-agent";
const MESH_ROLE: &str = "meshroot-agent-mesh";

/// What an agent needs on the hub: the cluster's namespace, in it a ServiceAccount with its rights, and
/// the KubernetesCluster (in the hub's namespace).
///
/// The rights end at that namespace. In it the agent writes `spec` of requests and the status of
/// MeshTrusts; never the status of a request, and it reads no Secret. It may ask for a new token of
/// its own ServiceAccount, so that it renews its credentials by itself.
pub fn agent_hub_objects(cluster: &str) -> Vec<Value> {
    let home = cluster_namespace(cluster);
    let agent = Subject { name: AGENT_SERVICE_ACCOUNT, namespace: &home };
    let mut objects = vec![namespace(&home), service_account(AGENT_SERVICE_ACCOUNT, &home)];
    objects.extend(role(NAME, &home, agent, &hub_rules()));
    objects.push(kubernetes_cluster(cluster));
    objects.into_iter().map(|object| label(object, CLUSTER_LABEL, cluster)).collect()
}

/// How an agent reaches the hub.
pub struct AgentCredentials<'a> {
    /// Name of the agent's cluster on the hub.
    pub cluster: &'a str,
    /// The hub's address, `https://…`.
    pub server: &'a str,
    /// PEM: the certificates that the hub's server is verified with.
    pub ca_pem: &'a str,
    /// A bound token of the agent's ServiceAccount on the hub.
    pub token: &'a str,
}

impl AgentCredentials<'_> {
    /// The Secret `meshroot-hub-credentials` of the workload cluster.
    pub fn secret(&self) -> Value {
        let data = |text: &str| Bytes::from(text.to_owned());
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(HUB_CREDENTIALS_SECRET, Some(AGENT_NAMESPACE)),
            "type": "Opaque",
            "data": {
                CREDENTIAL_SERVER_KEY: data(self.server),
                CREDENTIAL_CA_KEY: data(self.ca_pem),
                CREDENTIAL_TOKEN_KEY: data(self.token),
                CREDENTIAL_CLUSTER_KEY: data(self.cluster),
            },
        })
    }
}

/// What an agent does in its own cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach<'a> {
    /// Namespaces of control planes; `istio-system` where the list is empty.
    pub mesh_namespaces: &'a [String],
    /// Deployments in them that it may restart.
    pub restart: &'a [String],
}

/// What an agent needs in its own cluster, the credentials apart: namespace, rights, Deployment.
pub fn agent_cluster_objects(cluster: &str, image: &str, reach: Reach<'_>) -> Vec<Value> {
    let mut objects = vec![namespace(AGENT_NAMESPACE)];
    objects.extend(agent_rbac(reach));
    objects.push(agent_deployment(cluster, image, reach.restart));
    objects
}

/// The agent's ServiceAccount with what it may do in its own cluster, and no more.
///
/// Keys are Secrets in its own namespace, which is never the hub's. In each namespace of a mesh it may create Secrets and
/// write those that the mesh reads its CA from, read the mesh's configuration, and restart the Deployments that are
/// named.
pub fn agent_rbac(reach: Reach<'_>) -> Vec<Value> {
    let agent = Subject { name: AGENT_SERVICE_ACCOUNT, namespace: AGENT_NAMESPACE };
    let default = [DEFAULT_MESH_NAMESPACE.to_owned()];
    let mesh_namespaces =
        if reach.mesh_namespaces.is_empty() { &default } else { reach.mesh_namespaces };
    let mut objects = vec![service_account(AGENT_SERVICE_ACCOUNT, AGENT_NAMESPACE)];
    objects.extend(bound_cluster_role(NAME, agent, &[allow("apps", &["deployments"], READ)]));
    objects.extend(role(NAME, AGENT_NAMESPACE, agent, &own_namespace_rules()));
    let rules = mesh_rules(reach.restart);
    objects.extend(
        mesh_namespaces.iter().flat_map(|namespace| role(MESH_ROLE, namespace, agent, &rules)),
    );
    objects
}

/// The agent's Deployment. `image` has `meshroot-agent` in its path.
///
/// The agent reads [`HUB_CREDENTIALS_SECRET`] through the API, not as a volume, so that it can write a
/// renewed token back.
pub fn agent_deployment(cluster: &str, image: &str, restart: &[String]) -> Value {
    let restart = restart.iter().flat_map(|deployment| ["--restart", deployment]);
    let arguments: Vec<&str> = ["--cluster", cluster].into_iter().chain(restart).collect();
    let object = deployment(&Workload {
        name: NAME,
        namespace: AGENT_NAMESPACE,
        image,
        service_account: AGENT_SERVICE_ACCOUNT,
        replicas: 1,
        arguments: &arguments,
    });
    label(object, CLUSTER_LABEL, cluster)
}

fn kubernetes_cluster(cluster: &str) -> Value {
    json!({
        "apiVersion": "discovery.zephyr.solo.io/v1alpha1",
        "kind": "KubernetesCluster",
        "metadata": metadata(cluster, Some(SYSTEM_NAMESPACE)),
        "spec": { "writeNamespace": AGENT_NAMESPACE },
    })
}

fn hub_rules() -> Vec<Value> {
    let write = [READ, &["create", "update", "patch"]].concat();
    let requests = [&write[..], &["delete"]].concat();
    let mut rules = vec![
        allow("security.zephyr.solo.io", &["virtualmeshcertificatesigningrequests"], &requests),
        allow("discovery.zephyr.solo.io", &["meshes"], &write),
        allow("meshroot.dev", &["meshtrusts"], READ),
        allow("meshroot.dev", &["meshtrusts/status"], &["update", "patch"]),
        allow("coordination.k8s.io", &["leases"], &["create"]),
        allow_named(
            "coordination.k8s.io",
            "leases",
            &[AGENT_LEASE],
            &[READ, &["update", "patch"]].concat(),
        ),
        allow_named("", "serviceaccounts/token", &[AGENT_SERVICE_ACCOUNT], &["create"]),
    ];
    rules.push(allow_events());
    rules
}

fn own_namespace_rules() -> Vec<Value> {
    let secrets = allow("", &["secrets"], &["get", "list", "create", "update", "patch", "delete"]);
    let of_meshes = meshes::served().flat_map(|kind| kind.rights.own_namespace);
    std::iter::once(secrets).chain(of_meshes.map(rule)).chain([allow_events()]).collect()
}

fn mesh_rules(restart: &[String]) -> Vec<Value> {
    let of_meshes = meshes::served().flat_map(|kind| kind.rights.mesh_namespace);
    let names: Vec<&str> = restart.iter().map(String::as_str).collect();
    let restarts = allow_named("apps", "deployments", &names, &["patch"]);
    let restarts = (!names.is_empty()).then_some(restarts);
    of_meshes.map(rule).chain(restarts).chain([allow_events()]).collect()
}

fn rule(right: &Right) -> Value {
    match right.names {
        [] => allow(right.group, &[right.resource], right.verbs),
        names => allow_named(right.group, right.resource, names, right.verbs),
    }
}
