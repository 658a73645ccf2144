//! `meshroot.dev` MeshTrust: what one mesh should use, and what it has loaded.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::{Adopt, KeyAlgorithm, Restart, default_renew_at_percent};

/// What one mesh should use, and what it has loaded. Same name and namespace as its Mesh.
///
/// The hub writes the spec, the agent of that cluster the status; the hub believes the status for that
/// cluster only.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "meshroot.dev",
    version = "v1alpha1",
    kind = "MeshTrust",
    plural = "meshtrusts",
    shortname = "mtrust",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    status = "MeshTrustStatus",
    printcolumn(name = "Request", type_ = "string", json_path = ".spec.request"),
    printcolumn(name = "Pickup", type_ = "string", json_path = ".status.pickup"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.loaded.notAfter"),
    printcolumn(name = "Witness", type_ = "string", json_path = ".status.witness", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct MeshTrustSpec {
    /// Name of the request whose certificate is to be in use.
    pub request: String,
    /// Trust anchors: PEM, the signing root first.
    #[schemars(length(max = 262_144))]
    pub trust_anchors: String,
    /// Key that the agent makes for its next request.
    pub key: KeyAlgorithm,
    /// Percent of the certificate's lifetime after which the agent renews.
    #[serde(default = "default_renew_at_percent")]
    #[schemars(range(min = 10, max = 95))]
    pub renew_at_percent: u8,
    /// What to do with a CA Secret that somebody else wrote.
    #[serde(default)]
    pub adopt: Adopt,
    /// What to do where the control plane must be restarted.
    #[serde(default)]
    pub restart: Restart,
    /// PEM of what is sent above the intermediate, such as a cross-certificate while a root is replaced; may be empty.
    /// Absent: what came with the answer to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub chain_certificates: Option<String>,
    /// For hubs: where the root is replaced, what this was written for and what it was before. Absent where it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Telling>,
}

/// What a mesh is told in terms of roots, which are named by the SHA-256 of their DER, in hex.
///
/// These are facts: they change with what is told, in the same write, and nothing else holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Telling {
    /// The virtual mesh that this is of, as `<namespace>/<name>`: a request, which an agent may write, does not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub virtual_mesh: String,
    /// The goal that this was written for.
    pub goal: Goal,
    /// Grows whenever `sends` or the trust anchors change, and with nothing else.
    #[serde(default)]
    pub revision: i64,
    /// Longest lifetime of a workload certificate that was seen when this was written, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_lifetime_seconds: Option<i64>,
    /// What is told to be sent; absent where the mesh is told nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends: Option<Sent>,
    /// What was told to be sent before and some workload may still send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Sent>,
    /// What was told to be trusted before and may be all that some workload still trusts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<Vec<String>>,
}

/// Where the members of a virtual mesh are to be in the end.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// Counts the goals of the virtual mesh: the highest is the present one.
    pub sequence: u32,
    /// Number of the root that is to sign.
    pub number: u32,
    /// That root.
    pub root: String,
    /// The meshes that are left where they are, as `<namespace>/<name>`, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
}

/// A chain, by the roots that it leads to.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The root that the intermediate leads to.
    pub issuer: String,
    /// The root that signed the cross-certificate that is sent, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
}

/// How far a mesh is taken over that had a CA of its own. Roots are named by the SHA-256 of their DER, in hex.
///
/// These are facts: they stand beside what was written for the control plane, and change with it in one write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakingOver {
    /// The roots that the mesh trusted before.
    pub own: Vec<String>,
    /// The same in PEM: nothing else may hold them any more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub own_certificates: String,
    /// What workloads are to send.
    pub sends: Sent,
    /// What they are to trust.
    pub trusts: Vec<String>,
    /// What was sent before and some workload may still send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Sent>,
    /// What was trusted before and may be all that some workload still trusts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<Vec<String>>,
    /// Longest lifetime of a workload's certificate that was seen meanwhile, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_lifetime_seconds: Option<i64>,
}

/// A CA that a mesh signs with and Meshroot did not make, as the agent found it before it was told anything: the value of
/// [`OWN_AUTHORITY_ANNOTATION`](crate::names::OWN_AUTHORITY_ANNOTATION), in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnAuthority {
    /// Whether the control plane made it for itself; else somebody wrote it.
    pub self_signed: bool,
    /// Subject of the certificate that signs.
    pub subject: String,
    /// End of its validity.
    pub not_after: Time,
    /// Whether changed trust anchors are loaded while the control plane runs.
    pub anchors_live: bool,
    /// The longest that a workload's certificate lives, in seconds.
    pub leaf_lifetime_seconds: i64,
}

/// What the agent saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeshTrustStatus {
    /// Whether the control plane uses what it should.
    #[serde(default)]
    pub pickup: Pickup,
    /// What the pickup was seen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
    /// One sentence for people: what is so, and what to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 4096))]
    pub message: String,
    /// When `pickup` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Request whose certificate the agent wrote for the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// What the control plane has loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded: Option<Loaded>,
    /// Version of the agent that wrote this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_version: String,
    /// Generation of the MeshTrust that the agent has come to: all that it tells is written for the control plane, and
    /// `pickup` is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether changed trust anchors reach control plane and workloads while they run.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub anchors_live: bool,
    /// The last time that somebody changed what the agent had written for the mesh: it was written again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_back: Option<PutBack>,
    /// `Loaded`: True once the certificate is Confirmed in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// That something was changed behind the agent's back, and put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PutBack {
    /// When it was put back.
    pub time: Time,
    /// What was changed, and by whom, as far as the API server tells.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// Whether a control plane uses what it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Pickup {
    /// Nothing is known yet.
    #[default]
    #[serde(alias = "UNKNOWN")]
    Unknown,
    /// Written; the control plane has not been seen to use it yet.
    #[serde(alias = "WAITING")]
    Waiting,
    /// Seen in use.
    #[serde(alias = "CONFIRMED")]
    Confirmed,
    /// The control plane must be restarted first; the message has the command.
    #[serde(alias = "RESTART_NEEDED")]
    RestartNeeded,
}

impl Pickup {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Waiting => "Waiting",
            Self::Confirmed => "Confirmed",
            Self::RestartNeeded => "RestartNeeded",
        }
    }
}

/// What a pickup was seen by, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Witness {
    /// A workload certificate that the control plane issued chains to the intermediate.
    #[serde(alias = "WORKLOAD_CERTIFICATE")]
    WorkloadCertificate,
    /// A metric of the control plane shows the intermediate's end of validity.
    #[serde(alias = "METRIC")]
    Metric,
    /// The trust anchors that the control plane publishes are the expected ones.
    #[serde(alias = "PUBLISHED_ANCHORS")]
    PublishedAnchors,
}

impl Witness {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::WorkloadCertificate => "WorkloadCertificate",
            Self::Metric => "Metric",
            Self::PublishedAnchors => "PublishedAnchors",
        }
    }
}

/// What a control plane has loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Loaded {
    /// Request that the certificate answers.
    pub request: String,
    /// SHA-256 of the intermediate's DER, in hex.
    pub fingerprint: String,
    /// Serial of the intermediate, in hex.
    pub serial: String,
    /// SHA-256 of each trust anchor's DER, in hex.
    #[serde(default)]
    pub roots: Vec<String>,
    /// Start of the intermediate's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// End of the intermediate's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Longest lifetime of a workload certificate that was ever seen, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_lifetime_seconds: Option<i64>,
}
