//! `networking.zephyr.solo.io`: the virtual mesh, a group of meshes with one root of trust.

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::is_default;
use crate::shared::{ResourceRef, Status};

/// Groups meshes so that a workload in any of them can verify a workload in any other.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[kube(
    group = "networking.zephyr.solo.io",
    version = "v1alpha1",
    kind = "VirtualMesh",
    plural = "virtualmeshes",
    shortname = "vmesh",
    shortname = "vm",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    status = "VirtualMeshStatus",
    printcolumn(
        name = "Certificates",
        type_ = "string",
        json_path = ".status.certificateStatus.state"
    ),
    printcolumn(name = "Config", type_ = "string", json_path = ".status.configStatus.state"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.certificateStatus.message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.shared) && has(self.limited))",
    "message": "set shared or limited, not both",
}]))]
pub struct VirtualMeshSpec {
    /// A name for people.
    #[serde(default, skip_serializing_if = "is_default")]
    pub display_name: String,
    /// The member meshes. A mesh may be in one virtual mesh only.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 10_000))]
    pub meshes: Vec<ResourceRef>,
    /// Where the root comes from; a builtin one where this is absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub certificate_authority: CertificateAuthority,
    /// Accepted and not acted upon: Meshroot manages trust, not routing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub federation: Federation,
    /// All members trust one root. The only trust model that is supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Empty>,
    /// Trust by gateways only. Not supported: answered INVALID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited: Option<Empty>,
    /// A boolean, or MESH_DEFAULT, ENABLED, DISABLED (later releases of the original made it an enum).
    /// Enabled is answered INVALID: Meshroot manages trust, not access control.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enforce_access_control: EnforceAccessControl,
}

/// A message without fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Empty {}

/// Where the root of a virtual mesh comes from: one of the two, a builtin one with defaults where neither is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.builtin) && has(self.provided))",
    "message": "set builtin or provided, not both",
}]))]
pub struct CertificateAuthority {
    /// Meshroot makes the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builtin: Option<Builtin>,
    /// The root, or an intermediate of a company root, is given in a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provided: Option<Provided>,
}

/// A root that Meshroot makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Builtin {
    /// Days until the root expires; 0 or absent means 3650.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0, max = 3650))]
    pub ttl_days: u32,
    /// Size of the RSA key in *bits* (the name is the original's); 0 or absent means 4096.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rsa_key_size_bytes: u32,
    /// Organization (`O`) in the root's subject.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 64))]
    pub org_name: String,
}

/// A root that the user gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provided {
    /// The Secret: `root-cert.pem`, `key.pem`, and `cert-chain.pem` when the signer is itself an
    /// intermediate of a company root.
    #[serde(default, skip_serializing_if = "is_default")]
    pub certificate: ResourceRef,
}

/// How services of one mesh are reached from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Federation {
    /// The mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: FederationMode,
}

/// The modes of [`Federation`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum FederationMode {
    /// Everything is reachable from everywhere.
    #[default]
    Permissive,
}

/// A boolean in the first releases of the original, an enum in later ones; kept as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EnforceAccessControl {
    /// As first written.
    Bool(bool),
    /// As written later.
    Mode(AccessControlMode),
}

/// The values of the later form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessControlMode {
    /// As the mesh has it.
    MeshDefault,
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

impl Default for EnforceAccessControl {
    fn default() -> Self {
        Self::Bool(false)
    }
}

impl EnforceAccessControl {
    /// True where access control was asked for.
    pub fn is_enabled(self) -> bool {
        matches!(self, Self::Bool(true) | Self::Mode(AccessControlMode::Enabled))
    }
}

impl JsonSchema for EnforceAccessControl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EnforceAccessControl".into()
    }

    // A structural schema has no "boolean or string": the type is left open and the values are listed.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-preserve-unknown-fields": true,
            "enum": [true, false, "MESH_DEFAULT", "ENABLED", "DISABLED"],
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// What became of a virtual mesh, by concern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMeshStatus {
    /// Federation: reported as not acted upon.
    #[serde(default, skip_serializing_if = "is_default")]
    pub federation_status: Status,
    /// Certificates of all members.
    #[serde(default, skip_serializing_if = "is_default")]
    pub certificate_status: Status,
    /// The spec itself: ACCEPTED, or INVALID/CONFLICT with the reason.
    #[serde(default, skip_serializing_if = "is_default")]
    pub config_status: Status,
    /// Access control: reported as not acted upon.
    #[serde(default, skip_serializing_if = "is_default")]
    pub access_control_enforcement_status: Status,
}
