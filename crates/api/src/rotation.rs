//! `meshroot.dev` RootRotation: the replacement of a virtual mesh's root, asked for and followed.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::networking::Provided;
use crate::policy::{Gate, KeyAlgorithm};
use crate::rules::{Field, VIRTUAL_MESH_REF, are_not_both, is_never_unset, never_changes};
use crate::shared::ResourceRef;

/// Replaces the root of a virtual mesh. Lives beside the VirtualMesh, and is called `<virtual mesh>.<n>` for its n-th
/// root, from 2 on: creating it twice is harmless, and so is deleting it once it is complete.
///
/// `meshroot rotate root` makes one, and so does the hub where the policy's `spec.root` says so.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "meshroot.dev",
    version = "v1alpha1",
    kind = "RootRotation",
    plural = "rootrotations",
    shortname = "rrot",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    status = "RootRotationStatus",
    printcolumn(name = "Virtual Mesh", type_ = "string", json_path = ".spec.virtualMeshRef.name"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Complete", type_ = "string", json_path = ".status.conditions[?(@.type==\"Complete\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Waiting For", type_ = "string", json_path = ".status.waitingFor", priority = 1),
    validation = never_changes(&VIRTUAL_MESH_REF, "spec.virtualMeshRef never changes: create a new rotation instead"),
    validation = never_changes(&NEW_ROOT, "spec.newRoot never changes: roll this rotation back and create the next one"),
    validation = is_never_unset(TAINT_OLD, "spec.taintOld is never unset: a key that was stolen stays so"),
    validation = are_not_both(TAINT_OLD, ROLLBACK, "spec.rollback: nobody goes back to a root whose key is believed stolen (spec.taintOld); replace the root again with the next number")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.acceptRefusals) && self.acceptRefusals) || (has(self.taintOld) && self.taintOld)",
    "message": "spec.acceptRefusals: workloads refuse each other only to be rid of a root whose key is believed stolen: set spec.taintOld too",
}]))]
pub struct RootRotationSpec {
    /// The virtual mesh whose root is replaced.
    pub virtual_mesh_ref: ResourceRef,
    /// How the members are brought to the new root.
    #[serde(default)]
    pub strategy: Strategy,
    /// What the new root is to be.
    #[serde(default)]
    pub new_root: NewRoot,
    /// Whether somebody confirms each step before members are told of it. Going back is never held, nor is a renewal.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub gate: Gate,
    /// With `gate: Confirm`: the last step that somebody has confirmed, and with it those before it on the way that is gone.
    /// `meshroot rotate confirm` sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "confirmed_step")]
    pub confirmed_step: Option<Step>,
    /// Meshes that are left where they are: their certificates are renewed under the same root as before, nobody waits for
    /// them, and those that went on may refuse them. One that is taken off the list goes on from where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub excluded: Vec<ResourceRef>,
    /// Nobody is told anything new while this is set; what is in use is renewed as ever.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub paused: bool,
    /// Back to the root that signed before. Without effect once the rotation is complete: a further one replaces the root
    /// again.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub rollback: bool,
    /// The key of the old root is believed stolen: members trust it no longer than they must. May be set at any time, and is
    /// never unset.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub taint_old: bool,
    /// With `taintOld`: anchors change as soon as control planes have loaded what they were told, and no workload is waited
    /// for. Those whose certificates are older are refused until they renew, or start anew. Without effect on what was told
    /// already once it is unset.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub accept_refusals: bool,
}

const TAINT_OLD: Field = Field::flag("spec.taintOld");
const ROLLBACK: Field = Field::flag("spec.rollback");
const NEW_ROOT: [Field; 4] = [
    Field::word("spec.newRoot.key", "''"),
    Field::text("spec.newRoot.provided.certificate.name"),
    Field::text("spec.newRoot.provided.certificate.namespace"),
    Field::text("spec.newRoot.provided.certificate.cluster"),
];

/// The steps that can be confirmed: in the others nobody is told to act.
fn confirmed_step(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "enum": [Step::Reissuing.word(), Step::Trusting.word(), Step::Distrusting.word()],
    })
}

/// What a new root is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.key) && has(self.provided))",
    "message": "spec.newRoot.key is that of a root that the hub makes: leave it out beside spec.newRoot.provided",
}]))]
pub struct NewRoot {
    /// Its key; where absent, as TrustPolicy and VirtualMesh say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyAlgorithm>,
    /// A root of your own; where absent, the hub makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provided: Option<Provided>,
}

/// The ways from one root to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Strategy {
    /// With a cross-certificate where the old root may sign one, else both roots first.
    #[default]
    Automatic,
    /// Certificates of the new root first, sent with a cross-certificate that the old root signed; then the anchors.
    CrossSigned,
    /// Both roots in all anchors first; then certificates of the new root.
    BundleFirst,
}

impl Strategy {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Automatic => "Automatic",
            Self::CrossSigned => "CrossSigned",
            Self::BundleFirst => "BundleFirst",
        }
    }
}

/// How far a rotation is. A cache: it may be lost, and costs time then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootRotationStatus {
    /// Where it stands, for people: the hub looks at the members, never at this.
    #[serde(default)]
    pub step: Step,
    /// What is being waited for, until when at the earliest, and why; empty where nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 4096))]
    pub waiting_for: String,
    /// SHA-256 of the old root's DER, in hex.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub old_root: String,
    /// SHA-256 of the new root's DER, in hex.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub new_root: String,
    /// The members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<RotatingMember>,
    /// Generation of the rotation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Progressing`, `Stalled` (somebody must change something), `Complete`, `RolledBack`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// One member of a virtual mesh whose root is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotatingMember {
    /// Its Mesh.
    pub mesh: ResourceRef,
    /// What it was told to send above its workloads' certificates.
    pub sends: String,
    /// What it was told to trust.
    pub trusts: String,
    /// `spec.rotation.revision` of the MeshTrust that said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Since when its control plane has been seen to have loaded it, by the hub's clock; absent where it has not been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded_since: Option<Time>,
}

/// Where a rotation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Step {
    /// The new root, and a cross-certificate, are made.
    #[default]
    Preparing,
    /// All members are told that the goal is another one, before anybody is told to act.
    Announcing,
    /// Members trust the new root beside the old one.
    Trusting,
    /// Members get certificates of the new root.
    Reissuing,
    /// Members stop trusting the old root.
    Distrusting,
    /// All members are told; some workloads may still have what was before.
    Settling,
    /// Every workload has what it is to have.
    Complete,
    /// Every workload has again what it had before.
    RolledBack,
}

impl Step {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparing => "Preparing",
            Self::Announcing => "Announcing",
            Self::Trusting => "Trusting",
            Self::Reissuing => "Reissuing",
            Self::Distrusting => "Distrusting",
            Self::Settling => "Settling",
            Self::Complete => "Complete",
            Self::RolledBack => "RolledBack",
        }
    }

    /// Whether nothing is left to be done.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::RolledBack)
    }
}
