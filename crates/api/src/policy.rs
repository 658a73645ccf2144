//! `meshroot.dev` TrustPolicy: how one virtual mesh issues, approves and renews.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use kube::core::Duration;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::rules::{self, VIRTUAL_MESH_REF, never_changes};
use crate::shared::ResourceRef;

/// How one virtual mesh issues, approves and renews. Lives beside the VirtualMesh, under the same name;
/// the hub makes one with defaults where none exists.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "meshroot.dev",
    version = "v1alpha1",
    kind = "TrustPolicy",
    plural = "trustpolicies",
    shortname = "tpol",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    status = "TrustPolicyStatus",
    printcolumn(name = "Virtual Mesh", type_ = "string", json_path = ".spec.virtualMeshRef.name"),
    printcolumn(name = "Approval", type_ = "string", json_path = ".spec.approval.mode"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.members"),
    printcolumn(name = "Issued", type_ = "integer", json_path = ".status.issued"),
    printcolumn(name = "Loaded", type_ = "integer", json_path = ".status.loaded"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Waiting For", type_ = "string", json_path = ".status.waitingFor", priority = 1),
    validation = never_changes(&VIRTUAL_MESH_REF, "spec.virtualMeshRef never changes: create a new policy instead")
)]
#[serde(rename_all = "camelCase")]
pub struct TrustPolicySpec {
    /// The virtual mesh that this policy is for.
    pub virtual_mesh_ref: ResourceRef,
    /// The root.
    #[serde(default)]
    pub root: RootPolicy,
    /// The intermediates of the members.
    #[serde(default)]
    pub intermediate: IntermediatePolicy,
    /// What an intermediate may be named.
    #[serde(default)]
    pub hosts: HostsPolicy,
    /// Who approves.
    #[serde(default)]
    pub approval: ApprovalPolicy,
    /// What agents do where a mesh has a CA that Meshroot did not make.
    #[serde(default)]
    pub adopt: Adopt,
    /// What agents do where a control plane must be restarted to load its certificate.
    #[serde(default)]
    pub restart: Restart,
}

/// A key algorithm with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// RSA, modulus of 2048 bits.
    #[serde(rename = "RSA-2048")]
    Rsa2048,
    /// RSA, modulus of 3072 bits.
    #[serde(rename = "RSA-3072")]
    Rsa3072,
    /// RSA, modulus of 4096 bits.
    #[serde(rename = "RSA-4096")]
    Rsa4096,
    /// ECDSA on NIST P-256.
    #[serde(rename = "ECDSA-P256")]
    EcdsaP256,
    /// ECDSA on NIST P-384.
    #[serde(rename = "ECDSA-P384")]
    EcdsaP384,
    /// Ed25519. Istio only.
    Ed25519,
}

impl KeyAlgorithm {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::EcdsaP256 => "ECDSA-P256",
            Self::EcdsaP384 => "ECDSA-P384",
            Self::Ed25519 => "Ed25519",
        }
    }
}

/// The root.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootPolicy {
    /// Key of a builtin root; where absent, RSA of `VirtualMesh.spec.certificateAuthority.builtin.rsaKeySizeBytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyAlgorithm>,
    /// Answers the hub's question when it found the root of an earlier installation: whether to take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierRoot>,
    /// Whether the hub replaces a builtin root by itself. A provided one it never does.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub rotate: Rotate,
    /// Percent of a builtin root's lifetime after which the hub replaces it, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 90))]
    pub rotate_at_percent: Option<u8>,
    /// `spec.gate` of the rotations that the hub starts by itself.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub rotate_gate: Gate,
}

impl RootPolicy {
    /// Percent of a builtin root's lifetime after which the hub replaces it; `None` where it never does.
    pub fn rotate_at_percent(&self) -> Option<u8> {
        (self.rotate == Rotate::Automatic).then(|| self.rotate_at_percent.unwrap_or(50))
    }
}

/// Whether the hub replaces a root by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Rotate {
    /// It does, in time.
    #[default]
    #[serde(alias = "AUTOMATIC")]
    Automatic,
    /// Somebody asks for it: `meshroot rotate root`.
    #[serde(alias = "NEVER")]
    Never,
}

/// Whether somebody confirms each step of a rotation before members are told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Gate {
    /// Nobody need do anything.
    #[default]
    Automatic,
    /// Before each of the steps `Reissuing`, `Trusting` and `Distrusting`.
    Confirm,
}

impl Gate {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Automatic => "Automatic",
            Self::Confirm => "Confirm",
        }
    }
}

/// What to do with a root that an earlier Service Mesh Hub left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EarlierRoot {
    /// Take it as this virtual mesh's root.
    #[serde(alias = "USE")]
    Use,
    /// Leave it alone and make a new one.
    #[serde(alias = "IGNORE")]
    Ignore,
}

/// The intermediates of the members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntermediatePolicy {
    /// Lifetime, such as `2160h` (90 days, the default); never past the end of the issuer.
    #[serde(default = "default_ttl")]
    pub ttl: Duration,
    /// Percent of the lifetime after which a renewal begins, 67 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 95))]
    pub renew_at_percent: Option<u8>,
    /// Deprecated: a fraction, read where `renewAtPercent` is absent. Goes in the release after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1, max = 0.95))]
    pub renew_at: Option<f64>,
    /// Key that agents make, ECDSA-P256 by default.
    #[serde(default = "default_key")]
    pub key: KeyAlgorithm,
    /// `pathLenConstraint`, 0 by default: only leaves below it.
    #[serde(default)]
    #[schemars(range(max = 4))]
    pub path_len: u8,
}

fn default_ttl() -> Duration {
    Duration::from(std::time::Duration::from_hours(90 * 24))
}

/// Two thirds.
pub(crate) fn default_renew_at_percent() -> u8 {
    67
}

fn default_key() -> KeyAlgorithm {
    KeyAlgorithm::EcdsaP256
}

impl Default for IntermediatePolicy {
    fn default() -> Self {
        Self {
            ttl: default_ttl(),
            renew_at_percent: None,
            renew_at: None,
            key: default_key(),
            path_len: 0,
        }
    }
}

impl IntermediatePolicy {
    /// Percent of the lifetime after which a renewal begins, as it was written, else as the fraction that former
    /// versions took, else the default.
    pub fn renew_at_percent(&self) -> u8 {
        let rounded = |fraction: f64| {
            (10_u8..95).find(|percent| f64::from(*percent) + 0.5 > fraction * 100.0).unwrap_or(95)
        };
        self.renew_at_percent
            .or_else(|| self.renew_at.map(rounded))
            .unwrap_or_else(default_renew_at_percent)
    }
}

/// What an intermediate may be named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostsPolicy {
    /// Hosts that a request may carry beside its mesh's own identity. Another mesh's identity is refused even so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "hosts")]
    pub allow: Vec<String>,
}

fn hosts(_: &mut SchemaGenerator) -> Schema {
    rules::hosts(256)
}

/// Who approves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalPolicy {
    /// What becomes of a request that no rule decides. Automatic (default): what passes the checks is approved. ThirdParty: a
    /// person or a system decides.
    #[serde(default)]
    pub mode: ApprovalMode,
    /// Asked in this order: the first whose `when` is true decides. People that were asked decide all the same, unless a rule
    /// denies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub rules: Vec<ApprovalRule>,
    /// How many different people must approve a request that people are asked about, 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub required: Option<u8>,
    /// How long an approval counts while others are waited for, such as `72h`; 168h (7 days) by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::a_minute_or_more")]
    pub valid_for: Option<Duration>,
}

/// A rule on requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRule {
    /// What the rule is called in the ledger and in messages.
    #[schemars(regex(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// A condition in the Common Expression Language over `request`, `csr`, `certificate`, `mesh`, `virtualMesh`, `last`,
    /// `renewal`, `changes`, `hostsAdded`, `hostsRemoved` and `now`. One that cannot be evaluated has people asked.
    #[schemars(length(min = 1, max = 4096))]
    pub when: String,
    /// What becomes of a request for which it is true.
    pub then: RuleOutcome,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    #[schemars(length(max = 512))]
    pub message: String,
}

/// What a rule does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RuleOutcome {
    /// It is approved.
    #[serde(alias = "APPROVE")]
    Approve,
    /// It is denied, for good.
    #[serde(alias = "DENY")]
    Deny,
    /// People are asked.
    #[default]
    #[serde(alias = "ASK")]
    Ask,
}

impl RuleOutcome {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Deny => "Deny",
            Self::Ask => "Ask",
        }
    }
}

impl ApprovalPolicy {
    /// How many different people must approve a request that people are asked about.
    pub fn required(&self) -> u8 {
        self.required.unwrap_or(1).max(1)
    }

    /// How long an approval counts.
    pub fn valid_for(&self) -> std::time::Duration {
        let week = std::time::Duration::from_hours(7 * 24);
        self.valid_for.map_or(week, std::time::Duration::from)
    }
}

/// The modes of approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ApprovalMode {
    /// What passes the checks is approved.
    #[default]
    #[serde(alias = "AUTOMATIC")]
    Automatic,
    /// Nothing is signed before people approve: each with a RequestApproval, or one by `status.thirdPartyApproval`.
    #[serde(alias = "THIRD_PARTY")]
    ThirdParty,
}

/// What agents do where a mesh has a CA that Meshroot did not make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Adopt {
    /// Leave a CA Secret of somebody else alone and say what is there. A mesh that signs by itself is taken over as with
    /// `Always`.
    #[default]
    #[serde(alias = "NEVER")]
    Never,
    /// Keep a copy in a backup Secret, then take the mesh over in steps: no workload of it refuses another one.
    #[serde(alias = "ALWAYS")]
    Always,
    /// The same in one step: workloads of before and after it refuse each other until all have renewed.
    #[serde(alias = "AT_ONCE")]
    AtOnce,
}

/// What agents do where a control plane must be restarted to load its certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Restart {
    /// Say so, with the command that does it.
    #[default]
    #[serde(alias = "MANUAL")]
    Manual,
    /// Restart it.
    #[serde(alias = "AUTOMATIC")]
    Automatic,
}

/// What the hub makes of a policy and its virtual mesh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustPolicyStatus {
    /// The roots, the signing one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<RootStatus>,
    /// What is being waited for, in one line; empty where nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub waiting_for: String,
    /// Since when `waitingFor` says what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Time>,
    /// Member meshes.
    #[serde(default)]
    pub members: u32,
    /// Members whose newest request was answered with a certificate.
    #[serde(default)]
    pub issued: u32,
    /// Members whose control plane was seen to use that certificate.
    #[serde(default)]
    pub loaded: u32,
    /// Generation of the policy that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: every member has a certificate and uses it. Only while it is so: `Reconciling`, it goes on by itself;
    /// `Stalled`, somebody must change something; `RootEnding`; `KeyExposed`, a revoked certificate is believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// One root of a virtual mesh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootStatus {
    /// SHA-256 of the certificate's DER, in hex.
    pub fingerprint: String,
    /// Subject, as RFC 4514 writes it.
    pub subject: String,
    /// Start of its validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// End of its validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Where it stands.
    pub phase: RootPhase,
    /// Its number among the virtual mesh's own roots, from 1; absent for one that is only trusted beside them, and where no
    /// root was ever replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Number of the root that signed before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u32>,
    /// Whether that one signed a cross-certificate of it.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub cross_signed: bool,
    /// PEM of the certificate revocation list of what signs under it (RFC 5280 section 5), while something is on it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = LONGEST_REVOCATION_LIST))]
    pub revocation_list: String,
}

/// So many octets [`RootStatus::revocation_list`] has at most: some thousand entries.
pub const LONGEST_REVOCATION_LIST: usize = 262_144;

/// Where a root stands between being made and being forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RootPhase {
    /// Made, not yet given to anybody.
    #[serde(alias = "PREPARED")]
    Prepared,
    /// In the members' trust anchors.
    #[serde(alias = "TRUSTED")]
    Trusted,
    /// Signs intermediates.
    #[default]
    #[serde(alias = "SIGNING")]
    Signing,
    /// Still trusted, signs nothing.
    #[serde(alias = "RETIRING")]
    Retiring,
    /// Gone from the members' trust anchors.
    #[serde(alias = "REMOVED")]
    Removed,
}
