//! What the hub needs in its own cluster.

use serde_json::{Value, json};

use crate::access::{
    READ, Subject, allow, allow_events, allow_named, bound_cluster_role, role, service_account,
};
use crate::workload::{Workload, deployment};
use crate::{crd_objects, label, metadata, mutating_policies, namespace, policies, user_roles};
use meshroot_api::names::{AGENT_LEASE, HUB_LEASE, HUB_SERVICE_ACCOUNT, SYSTEM_NAMESPACE};

const NAME: &str = "meshroot-hub";
const ROOTS_ROLE: &str = "meshroot-hub-roots";
const REPLICAS: u32 = 2;

/// The user name of a hub that runs in `namespace`, for [`crate::policies`].
pub fn hub_user(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:{HUB_SERVICE_ACCOUNT}")
}

/// What the hub needs in [`SYSTEM_NAMESPACE`], and its pods. `image` and `root_namespaces` are those of
/// [`hub_deployment`] and [`hub_rbac`], `mutating` that of [`hub_prerequisites`].
///
/// # Errors
/// As [`crd_objects`].
pub fn hub_objects(
    image: &str,
    root_namespaces: &[String],
    mutating: Option<&str>,
) -> Result<Vec<Value>, serde_json::Error> {
    let mut objects = hub_prerequisites(root_namespaces, mutating)?;
    objects.extend(hub_deployment(SYSTEM_NAMESPACE, image));
    Ok(objects)
}

/// What the hub needs wherever it runs: namespace, definitions, rights, policies; `mutating` is the version of
/// MutatingAdmissionPolicy that is served, if one is.
///
/// # Errors
/// As [`crd_objects`].
pub fn hub_prerequisites(
    root_namespaces: &[String],
    mutating: Option<&str>,
) -> Result<Vec<Value>, serde_json::Error> {
    let mut objects = vec![namespace(SYSTEM_NAMESPACE)];
    objects.extend(crd_objects()?);
    objects.extend(hub_rbac(SYSTEM_NAMESPACE, root_namespaces));
    objects.extend(user_roles());
    let hub = hub_user(SYSTEM_NAMESPACE);
    objects.extend(policies(&hub));
    objects.extend(mutating.into_iter().flat_map(|version| mutating_policies(&hub, version)));
    Ok(objects)
}

/// The hub's ServiceAccount in `namespace` with what it may do, and no more.
///
/// Root keys are Secrets in the hub's own namespace or in `root_namespaces`: those of virtual meshes
/// that keep their root beside them, that of an earlier Service Mesh Hub
/// ([`meshroot_api::names::EARLIER_NAMESPACE`], only where it exists), and those that
/// `certificateAuthority.provided.certificate` names. A right on the Secrets of the whole cluster would
/// be a right on everything in it, so each further namespace is named by `meshroot install
/// --root-namespace NAMESPACE`.
pub fn hub_rbac(namespace: &str, root_namespaces: &[String]) -> Vec<Value> {
    let hub = subject(namespace);
    let mut objects = vec![service_account(HUB_SERVICE_ACCOUNT, namespace)];
    objects.extend(bound_cluster_role(NAME, hub, &cluster_rules()));
    objects.extend(role(NAME, namespace, hub, &own_namespace_rules()));
    objects.extend(root_namespace_rbac(namespace, namespace));
    let others = root_namespaces.iter().filter(|other| *other != namespace);
    objects.extend(others.flat_map(|other| root_namespace_rbac(namespace, other)));
    objects
}

/// Lets the hub that runs in `namespace` read and create root Secrets in `root_namespace`; never list, change or delete
/// one.
pub fn root_namespace_rbac(namespace: &str, root_namespace: &str) -> [Value; 2] {
    let rules = [allow("", &["secrets"], &["get", "create"])];
    role(ROOTS_ROLE, root_namespace, subject(namespace), &rules)
}

/// The hub's Deployment and PodDisruptionBudget. `image` has `meshroot-hub` in its path.
///
/// Two replicas: one holds the lease and works, the other takes over within seconds.
pub fn hub_deployment(namespace: &str, image: &str) -> Vec<Value> {
    let workload = Workload {
        name: NAME,
        namespace,
        image,
        service_account: HUB_SERVICE_ACCOUNT,
        replicas: REPLICAS,
        arguments: &[],
    };
    let budget = json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(NAME, Some(namespace)),
        "spec": { "minAvailable": 1, "selector": { "matchLabels": workload.selector() } },
    });
    vec![deployment(&workload), label(budget, "app.kubernetes.io/name", NAME)]
}

fn subject(namespace: &str) -> Subject<'_> {
    Subject { name: HUB_SERVICE_ACCOUNT, namespace }
}

fn cluster_rules() -> Vec<Value> {
    let requests = "security.zephyr.solo.io";
    let [networking, discovery, meshroot] =
        ["networking.zephyr.solo.io", "discovery.zephyr.solo.io", "meshroot.dev"];
    let mut rules = vec![
        allow(
            requests,
            &["virtualmeshcertificatesigningrequests"],
            &[READ, &["create", "update", "patch"]].concat(),
        ),
        allow(requests, &["virtualmeshcertificatesigningrequests/status"], &["update", "patch"]),
        allow(networking, &["virtualmeshes"], READ),
        allow(networking, &["virtualmeshes/status"], &["update", "patch"]),
        allow(discovery, &["meshes"], READ),
        allow(meshroot, &["trustpolicies"], &[READ, &["create"]].concat()),
        allow(meshroot, &["trustpolicies/status"], &["update", "patch"]),
        allow(meshroot, &["rootrotations"], &[READ, &["create"]].concat()),
        allow(meshroot, &["rootrotations/status"], &["update", "patch"]),
        allow(meshroot, &["meshtrusts"], &[READ, &["create", "update", "patch"]].concat()),
        allow(meshroot, &["issuancerecords"], &[READ, &["create"]].concat()),
        allow(meshroot, &["requestapprovals"], READ),
    ];
    // When agents were last heard.
    rules.push(allow_named("coordination.k8s.io", "leases", &[AGENT_LEASE], READ));
    rules.push(allow_events());
    rules
}

fn own_namespace_rules() -> Vec<Value> {
    vec![
        allow("coordination.k8s.io", &["leases"], &["create"]),
        allow_named(
            "coordination.k8s.io",
            "leases",
            &[HUB_LEASE],
            &[READ, &["update", "patch"]].concat(),
        ),
        // How far each ledger has come.
        allow("", &["configmaps"], &["get", "create", "update"]),
    ]
}
