//! Names of objects, labels and annotations: the one place where they are made and taken apart.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::shared::MeshType;

/// Namespace of the hub: root keys.
pub const SYSTEM_NAMESPACE: &str = "meshroot-system";
/// Namespace of the agent in each workload cluster: the keys of intermediates. Never the hub's, whose own cluster may be
/// a member too: neither reads the other's keys.
pub const AGENT_NAMESPACE: &str = "meshroot-agent";
/// Namespace where an earlier Service Mesh Hub kept its roots.
pub const EARLIER_NAMESPACE: &str = "service-mesh-hub";
/// Prefix of the hub's namespaces, one per cluster.
const CLUSTER_NAMESPACE_PREFIX: &str = "meshroot-cluster-";

/// Annotation of a request that carried `csrData` when it was created: the user who brought the key, by the name that the API
/// server knows them by.
pub const KEY_BROUGHT_BY_ANNOTATION: &str = "meshroot.dev/key-brought-by";

/// Label on every object that Meshroot creates; the value is [`MANAGED_BY`].
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "meshroot";
/// Label on every object that is installed; the value is [`MANAGED_BY`] too.
pub const PART_OF_LABEL: &str = "app.kubernetes.io/part-of";
/// Label: name of the cluster that an object is about.
pub const CLUSTER_LABEL: &str = "meshroot.dev/cluster";
/// Label: name of the Mesh that an object is about.
pub const MESH_LABEL: &str = "meshroot.dev/mesh";
/// Annotation on Secrets that the agent wrote for a mesh: the request whose certificate they hold.
pub const REQUEST_ANNOTATION: &str = "meshroot.dev/request";
/// Annotation on a request that the hub or a person made to force a renewal: why. With `KeyCompromised`, what was issued to
/// the mesh before is revoked once it is answered, or an hour later; no agent writes that.
pub const REASON_ANNOTATION: &str = "meshroot.dev/reason";
/// Annotation on a request that the hub made: digest of what the policy asked for, so that the same policy asks once.
pub const POLICY_ANNOTATION: &str = "meshroot.dev/policy";
/// Annotation on a request that a person is asked to approve: [`crate::Asked`].
pub const ASKED_ANNOTATION: &str = "meshroot.dev/asked";
/// Annotation on discovered Meshes: Istio revision.
pub const REVISION_ANNOTATION: &str = "meshroot.dev/revision";
/// Annotation on Secrets that the agent wrote for a mesh: when.
pub const WRITTEN_ANNOTATION: &str = "meshroot.dev/written";
/// Of a CA Secret: the goal of the virtual mesh's roots that it was written for, where the root was ever replaced.
pub const GOAL_ANNOTATION: &str = "meshroot.dev/goal";
/// Of a CA Secret: how far a mesh that had a CA of its own is taken over; [`crate::trust::TakingOver`].
pub const TAKING_OVER_ANNOTATION: &str = "meshroot.dev/taking-over";
/// Of a CA Secret: since when the control plane has been seen to have loaded it, while a mesh is taken over.
pub const LOADED_ANNOTATION: &str = "meshroot.dev/loaded";
/// Annotation on discovered Meshes: the CA of its own that the mesh signs with; [`crate::trust::OwnAuthority`].
pub const OWN_AUTHORITY_ANNOTATION: &str = "meshroot.dev/own-ca";
/// Of a root's Secret: the number of the root that it replaces.
pub const REPLACES_ANNOTATION: &str = "meshroot.dev/replaces";
/// Of a root's Secret: the fingerprint of the root that it replaces.
pub const REPLACED_ROOT_ANNOTATION: &str = "meshroot.dev/replaces-sha256";
/// Of the Secret of a further root that a company brings: namespace and name of the Secret that holds its key.
pub const PROVIDED_ANNOTATION: &str = "meshroot.dev/provided";
/// Annotation on Secrets that the agent wrote for a mesh: SHA-256 of what was written, so that a change by somebody
/// else is seen.
pub const DIGEST_ANNOTATION: &str = "meshroot.dev/digest";
/// Annotation on a control plane's Deployment: request and generation of the MeshTrust that the agent restarted it for, so
/// that it does so once.
pub const RESTARTED_FOR_ANNOTATION: &str = "meshroot.dev/restarted-for";
/// Annotation on the Secret of a builtin root: namespace and name of its virtual mesh.
pub const VIRTUAL_MESH_ANNOTATION: &str = "meshroot.dev/virtual-mesh";
/// Annotation on a cluster's namespace on the hub: uid of that cluster's namespace `kube-system`, which tells clusters
/// of one name apart.
pub const CLUSTER_UID_ANNOTATION: &str = "meshroot.dev/cluster-uid";
/// Annotation on a control plane's pod template that makes Kubernetes restart it.
pub const RESTARTED_AT_ANNOTATION: &str = "kubectl.kubernetes.io/restartedAt";

/// Type of a builtin root's Secret, as the original system wrote it.
pub const ROOT_SECRET_TYPE: &str = "solo.io/ca-root";
/// Key of a root Secret: the certificate.
pub const ROOT_CERTIFICATE_KEY: &str = "root-cert.pem";
/// Key of a root Secret: the private key.
pub const ROOT_PRIVATE_KEY_KEY: &str = "key.pem";
/// Key of a root Secret: the chain of a signer that is itself an intermediate.
pub const ROOT_CHAIN_KEY: &str = "cert-chain.pem";

/// Name of the hub's leader election Lease.
pub const HUB_LEASE: &str = "meshroot-hub";
/// Name of each agent's Lease, in the cluster's namespace on the hub: leader election and heartbeat in one.
pub const AGENT_LEASE: &str = "meshroot-agent";
/// Name of each cluster's ResourceQuota, in its namespace on the hub.
pub const AGENT_QUOTA: &str = "meshroot-agent";
/// Name of each agent's ServiceAccount, in the cluster's namespace on the hub.
pub const AGENT_SERVICE_ACCOUNT: &str = "meshroot-agent";
/// Name of the hub's ServiceAccount in [`SYSTEM_NAMESPACE`].
pub const HUB_SERVICE_ACCOUNT: &str = "meshroot-hub";
/// Secret in the workload cluster with the hub's address, CA and the agent's token.
pub const HUB_CREDENTIALS_SECRET: &str = "meshroot-hub-credentials";
/// Key of [`HUB_CREDENTIALS_SECRET`]: the hub's address, `https://…`.
pub const CREDENTIAL_SERVER_KEY: &str = "server";
/// Key of [`HUB_CREDENTIALS_SECRET`]: the certificates that the hub's server is verified with, PEM.
pub const CREDENTIAL_CA_KEY: &str = "ca.crt";
/// Key of [`HUB_CREDENTIALS_SECRET`]: the agent's token on the hub, which the agent renews and writes back.
pub const CREDENTIAL_TOKEN_KEY: &str = "token";
/// Key of [`HUB_CREDENTIALS_SECRET`]: the cluster's name on the hub.
pub const CREDENTIAL_CLUSTER_KEY: &str = "cluster";

/// The hub's namespace for a cluster's records.
pub fn cluster_namespace(cluster: &str) -> String {
    format!("{CLUSTER_NAMESPACE_PREFIX}{cluster}")
}

/// The cluster whose records a namespace of the hub holds.
pub fn cluster_of_namespace(namespace: &str) -> Option<&str> {
    namespace.strip_prefix(CLUSTER_NAMESPACE_PREFIX).filter(|cluster| !cluster.is_empty())
}

/// Name of a Mesh object: `<type>-<namespace>-<cluster>`, with the revision appended where there is one.
pub fn mesh(mesh_type: MeshType, namespace: &str, cluster: &str, revision: Option<&str>) -> String {
    let base = format!("{}-{namespace}-{cluster}", mesh_type.word());
    match revision.filter(|revision| !revision.is_empty() && *revision != "default") {
        Some(revision) => format!("{base}-{revision}"),
        None => base,
    }
}

/// Value of [`MESH_LABEL`] for a mesh: its name, or, where that is longer than the 63 characters of a label, its
/// beginning and a digest of the whole.
pub fn mesh_label(mesh: &str) -> String {
    if mesh.len() <= LABEL_MOST {
        return mesh.to_owned();
    }
    // FNV-1a: names are not secret and nobody gains by a collision, but the value must never change.
    let digest = mesh.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let start: String = mesh.chars().take(LABEL_MOST - 17).collect();
    format!("{start}-{digest:016x}")
}

/// Longest value of a label.
const LABEL_MOST: usize = 63;

/// The label of every object that Meshroot creates.
pub fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())])
}

/// The labels of an object that is about one mesh.
pub fn labels_of_mesh(mesh: &str) -> BTreeMap<String, String> {
    let mut labels = labels();
    labels.insert(MESH_LABEL.to_owned(), mesh_label(mesh));
    labels
}

/// Whether Meshroot created an object.
pub fn is_ours(metadata: &ObjectMeta) -> bool {
    let owner = metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY_LABEL));
    owner.is_some_and(|owner| owner == MANAGED_BY)
}

/// Type of the Secret of a cross-certificate.
pub const CROSS_SECRET_TYPE: &str = "meshroot.dev/cross-certificate";
/// Key of such a Secret: PEM of the cross-certificate, and what leads up from it.
pub const CROSS_CERTIFICATE_KEY: &str = "cross-cert.pem";

/// Name of the Secret of a builtin root.
pub fn root_secret(virtual_mesh: &str) -> String {
    format!("{virtual_mesh}-ca-certs")
}

/// Name of the RootRotation for a further root of a virtual mesh.
pub fn rotation(virtual_mesh: &str, number: u32) -> String {
    format!("{virtual_mesh}.{number}")
}

/// The number of the root that a RootRotation of this name is for, from 2 on.
pub fn rotation_number(name: &str, virtual_mesh: &str) -> Option<u32> {
    let text = name.strip_prefix(virtual_mesh)?.strip_prefix('.')?;
    let number: u32 = text.parse().ok()?;
    (number >= 2 && text == number.to_string()).then_some(number)
}

/// Name of the ConfigMap in [`SYSTEM_NAMESPACE`] that holds the newest claim in the ledger of `namespace`.
pub fn ledger_claim(namespace: &str) -> String {
    format!("{LEDGER_CLAIM}{namespace}")
}

const LEDGER_CLAIM: &str = "meshroot-ledger.";

/// The key of such a ConfigMap that has the entry that was claimed last, in JSON.
pub const LEDGER_CLAIM_ENTRY: &str = "entry";

/// The namespace whose ledger a ConfigMap of this name is about; `None` where it is about none.
pub fn ledger_of_claim(name: &str) -> Option<&str> {
    name.strip_prefix(LEDGER_CLAIM).filter(|namespace| !namespace.is_empty())
}

/// Name of the IssuanceRecord, in the namespace of the virtual mesh, by which a certificate of this serial number is revoked:
/// nobody but the hub writes records there.
pub fn revocation(virtual_mesh: &str, serial: &str) -> String {
    format!("{virtual_mesh}.revoked.{serial}")
}

/// Name of a request: `<mesh>.<virtual mesh>.<n>`, the same for its IssuanceRecord.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestName {
    /// Name of the Mesh.
    pub mesh: String,
    /// Name of the VirtualMesh.
    pub virtual_mesh: String,
    /// 1 for the first issuance, then 2, 3, … for each renewal.
    pub generation: u32,
}

impl RequestName {
    /// The first request of a mesh.
    pub fn first(mesh: impl Into<String>, virtual_mesh: impl Into<String>) -> Self {
        Self { mesh: mesh.into(), virtual_mesh: virtual_mesh.into(), generation: 1 }
    }

    /// The request that renews this one.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { generation: self.generation.saturating_add(1), ..self.clone() }
    }

    /// Takes a name apart. A mesh's name may hold dots, so it is read from the end; `None` for names that
    /// the original system made.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.rsplitn(3, '.');
        let number = parts.next()?;
        let generation = number.parse::<u32>().ok().filter(|generation| *generation > 0)?;
        // `0970` and `970` would be two requests whose certificates have one name.
        (generation.to_string() == number).then_some(())?;
        let virtual_mesh = parts.next().filter(|part| !part.is_empty())?;
        let mesh = parts.next().filter(|part| !part.is_empty())?;
        Some(Self { mesh: mesh.to_owned(), virtual_mesh: virtual_mesh.to_owned(), generation })
    }

    /// Name of the key Secret in the workload cluster.
    pub fn key_secret(&self) -> String {
        format!("{self}-key")
    }
}

impl std::fmt::Display for RequestName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.mesh, self.virtual_mesh, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_name_survives_being_written_and_read() {
        let name = RequestName::first("istio-istio-system-east.1", "demo").next();
        assert_eq!(name.to_string(), "istio-istio-system-east.1.demo.2");
        assert_eq!(RequestName::parse(&name.to_string()), Some(name));
    }

    #[test]
    fn a_name_of_the_original_system_is_no_request_name() {
        for name in [
            "istio-istio-system-east-cert-request",
            "a.b.0",
            "a.b.07",
            "a.b.+7",
            "a.b.c",
            ".b.1",
            "b.1",
        ] {
            assert_eq!(RequestName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_default_revision_is_not_appended_to_a_mesh_name() {
        assert_eq!(
            mesh(MeshType::Istio, "istio-system", "east", Some("default")),
            "istio-istio-system-east"
        );
        assert_eq!(
            mesh(MeshType::Istio, "istio-system", "east", Some("1-31")),
            "istio-istio-system-east-1-31"
        );
    }

    #[test]
    fn a_long_mesh_name_makes_a_label_that_fits_and_is_its_own() {
        assert_eq!(mesh_label("istio-istio-system-east"), "istio-istio-system-east");
        assert_eq!(mesh_label(&"m".repeat(63)), "m".repeat(63));
        let (one, two) = (format!("{}-one", "m".repeat(64)), format!("{}-two", "m".repeat(64)));
        assert_eq!(mesh_label(&one).len(), 63);
        assert_ne!(mesh_label(&one), mesh_label(&two));
    }

    #[test]
    fn a_cluster_is_found_again_from_its_namespace() {
        assert_eq!(cluster_of_namespace(&cluster_namespace("east")), Some("east"));
        assert_eq!(cluster_of_namespace("meshroot-cluster-"), None);
        assert_eq!(cluster_of_namespace("default"), None);
    }
}
