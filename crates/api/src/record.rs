//! `meshroot.dev` IssuanceRecord: the ledger, one entry for each request that was decided.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::ResourceRef;

/// One decision, and what was prepared for signing, written *before* anything is signed.
///
/// Same name and namespace as its request, kept after the request is gone, never changed. That a certificate was revoked is a
/// record of its own, in the namespace of the virtual mesh.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "meshroot.dev",
    version = "v1alpha1",
    kind = "IssuanceRecord",
    plural = "issuancerecords",
    shortname = "irec",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    printcolumn(name = "Virtual Mesh", type_ = "string", json_path = ".spec.virtualMeshRef.name"),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".spec.decision.verdict"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.decision.by"),
    printcolumn(name = "Serial", type_ = "string", json_path = ".spec.prepared.serial", priority = 1),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.prepared.notAfter"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec: an issuance record never changes")
)]
#[serde(rename_all = "camelCase")]
pub struct IssuanceRecordSpec {
    /// The request that was decided.
    pub request: RecordedRequest,
    /// The virtual mesh whose root was asked.
    pub virtual_mesh_ref: ResourceRef,
    /// SHA-256 of the request's PKCS#10 in DER, in hex.
    pub csr_sha256: String,
    /// SHA-256 of the SubjectPublicKeyInfo in DER, in hex.
    pub public_key_sha256: String,
    /// The decision.
    pub decision: Decision,
    /// What is to be signed, or was where it is revoked; absent where the decision is DENIED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<PreparedCertificate>,
    /// What approval rules saw, as JSON; empty where something of it was not there, or it was too long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = LONGEST_FACTS))]
    pub facts: String,
    /// Place in this namespace's ledger, counted from 1.
    pub sequence: u64,
    /// Digest of the record before this one in the same namespace, in hex; empty in the first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub previous_sha256: String,
    /// `leaseTransitions` of the hub that wrote this.
    pub fence: u64,
}

/// So many characters [`IssuanceRecordSpec::facts`] has at most.
pub const LONGEST_FACTS: usize = 131_072;

/// So many characters a user name has at most that can stand in a record.
pub const LONGEST_USER: usize = 1_024;

/// The request that a record is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedRequest {
    /// Its name.
    pub name: String,
    /// Its uid: a request that is deleted and created again under the same name is another one. The digest of what was
    /// signed where there was no request.
    pub uid: String,
}

/// Who or which rule decided what, why and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The decision.
    pub verdict: Verdict,
    /// `policy`, `rule` or `third-party`; of what nobody asked for, `rotation` or `request`.
    pub by: String,
    /// Reason for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When.
    pub time: Time,
    /// The people by whom it was approved or denied, where people decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Person>,
    /// The digest of what they were shown, 64 hexadecimal digits; empty where nobody was asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asked_sha256: String,
}

/// Who approved or denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The name that the API server knows them by.
    #[schemars(length(max = LONGEST_USER))]
    pub user: String,
    /// What they said, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When.
    pub time: Time,
}

/// Approved, denied, or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Verdict {
    /// May be signed.
    #[serde(alias = "APPROVED")]
    Approved,
    /// Never to be signed.
    #[serde(alias = "DENIED")]
    Denied,
    /// What `prepared` says was issued, and is revoked.
    Revoked,
}

/// What is to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreparedCertificate {
    /// Serial number, in hex.
    pub serial: String,
    /// SHA-256 of the DER of the TBSCertificate, in hex.
    pub tbs_sha256: String,
    /// SHA-256 of the issuing certificate's DER, in hex.
    pub issuer_sha256: String,
    /// Start of validity.
    pub not_before: Time,
    /// End of validity.
    pub not_after: Time,
    /// SHA-256 of the profile that was used, in hex.
    pub profile_sha256: String,
}
