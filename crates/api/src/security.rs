//! `security.zephyr.solo.io`: the certificate signing request, the record that all else turns on.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::is_default;
use crate::record::{LONGEST_USER, Person};
use crate::rules::{self, Field, VIRTUAL_MESH_REF, is_set_once, needs, never_changes};
use crate::shared::{MeshType, ResourceRef, State, Status};

/// Asks a virtual mesh's certificate authority for one intermediate CA.
///
/// The hub (or, for a renewal, the agent) writes `virtualMeshRef` and `certConfig`; the agent adds
/// `csrData` once; the hub answers in `status`, once.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[kube(
    group = "security.zephyr.solo.io",
    version = "v1alpha1",
    kind = "VirtualMeshCertificateSigningRequest",
    plural = "virtualmeshcertificatesigningrequests",
    singular = "virtualmeshcertificatesigningrequest",
    shortname = "vmcsr",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    status = "VirtualMeshCertificateSigningRequestStatus",
    printcolumn(name = "Virtual Mesh", type_ = "string", json_path = ".spec.virtualMeshRef.name"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.certConfig.meshType", priority = 1),
    printcolumn(name = "Approval", type_ = "string", json_path = ".status.thirdPartyApproval.approvalStatus"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.computedStatus.state"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.computedStatus.message", priority = 1),
    validation = never_changes(&VIRTUAL_MESH_REF, "spec.virtualMeshRef never changes: create a new request instead"),
    validation = never_changes(&CERT_CONFIG, "spec.certConfig never changes: create a new request instead"),
    validation = is_set_once(CSR_DATA, &[CSR_DATA], "spec.csrData is set once: create a new request instead"),
    validation = is_set_once(RESPONSE[0], &RESPONSE, "status.response is set once: ask for a renewal instead"),
    validation = is_set_once(
        APPROVAL,
        &[APPROVAL],
        "status.thirdPartyApproval.approvalStatus is final once it is APPROVED or DENIED"
    ),
    validation = needs(
        APPROVAL,
        CSR_DATA,
        "status.thirdPartyApproval.approvalStatus: there is no spec.csrData to decide on yet"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMeshCertificateSigningRequestSpec {
    /// PKCS#10 certificate signing request, PEM or DER, at most 32 KiB. Set once.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 43_692))]
    pub csr_data: Bytes,
    /// What the certificate is to say. Never changes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cert_config: CertConfig,
    /// The virtual mesh whose root is asked to sign. Never changes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub virtual_mesh_ref: ResourceRef,
}

fn hosts(_: &mut SchemaGenerator) -> Schema {
    rules::hosts(64)
}

const CSR_DATA: Field = Field::text("spec.csrData");
const CERT_CONFIG: [Field; 3] = [
    Field::list("spec.certConfig.hosts"),
    Field::text("spec.certConfig.org"),
    Field::word("spec.certConfig.meshType", "'ISTIO'"),
];
const RESPONSE: [Field; 2] =
    [Field::text("status.response.caCertificate"), Field::text("status.response.rootCertificate")];
const APPROVAL: Field = Field::word("status.thirdPartyApproval.approvalStatus", "'PENDING'");

/// What the certificate is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertConfig {
    /// Subject alternative names: DNS names, IP addresses, URIs (`spiffe://…`).
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "hosts")]
    pub hosts: Vec<String>,
    /// Organization (`O`) in the subject.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 64))]
    pub org: String,
    /// The service mesh that will use the certificate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mesh_type: MeshType,
}

/// What the certificate authority answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMeshCertificateSigningRequestStatus {
    /// The certificates. Set once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub response: Response,
    /// The decision of a person or a ticket system.
    #[serde(default, skip_serializing_if = "is_default")]
    pub third_party_approval: ThirdPartyApprovalWorkflow,
    /// What the hub makes of this request.
    #[serde(default, skip_serializing_if = "is_default")]
    pub computed_status: Status,
}

/// The issued certificate with what is needed to trust it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// PEM: the issued certificate first, then those between it and the root.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 262_144))]
    pub ca_certificate: Bytes,
    /// PEM: every root that is trusted now, the signing one first.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 262_144))]
    pub root_certificate: Bytes,
}

/// So many characters a decision's message has at most.
const LONGEST_MESSAGE: usize = 4_096;

/// Approval by somebody other than the hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThirdPartyApprovalWorkflow {
    /// When this was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_time: Option<Time>,
    /// Who decided, and a reason for people, such as a ticket number: `approved by alice: CHG-1234`.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = LONGEST_MESSAGE))]
    pub message: String,
    /// The decision. APPROVED and DENIED are final and need `spec.csrData`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approval_status: ApprovalStatus,
}

/// The decision on a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApprovalStatus {
    /// Not decided, the default. Nothing is signed.
    #[default]
    Pending,
    /// May be signed.
    Approved,
    /// Never to be signed.
    Denied,
}

impl ApprovalStatus {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Denied => "DENIED",
        }
    }

    /// How the message of a decision begins, before the name.
    pub const fn signature(self) -> &'static str {
        match self {
            Self::Denied => "denied by ",
            Self::Pending | Self::Approved => "approved by ",
        }
    }
}

impl ThirdPartyApprovalWorkflow {
    /// What stands in `message` where `user` decided: the original API has no other place for a name. The API server
    /// demands that it is the name of whoever writes it.
    pub fn signed(decision: ApprovalStatus, user: &str, message: &str) -> String {
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        let whole = format!("{}{user}{said}", decision.signature());
        whole.chars().take(LONGEST_MESSAGE).collect()
    }

    /// Who decided and what they said; `None` where nobody did, or without a name.
    pub fn person(&self) -> Option<Person> {
        let signed = self.message.strip_prefix(self.approval_status.signature())?;
        let (user, message) = signed.split_once(": ").unwrap_or((signed, ""));
        let is_name = !user.is_empty() && user.chars().count() <= LONGEST_USER;
        (self.approval_status != ApprovalStatus::Pending && is_name).then(|| Person {
            user: user.to_owned(),
            message: message.to_owned(),
            time: self.last_updated_time.clone().unwrap_or(Time(Timestamp::UNIX_EPOCH)),
        })
    }
}

impl VirtualMeshCertificateSigningRequest {
    /// The status, or the default one where nothing was written yet.
    pub fn status_or_default(&self) -> VirtualMeshCertificateSigningRequestStatus {
        self.status.clone().unwrap_or_default()
    }

    /// True once a certificate was written to `status.response`.
    pub fn is_answered(&self) -> bool {
        self.status.as_ref().is_some_and(|status| !status.response.ca_certificate.0.is_empty())
    }

    /// Where the hub says that it stands, UNKNOWN where nothing was written yet.
    pub fn state(&self) -> State {
        self.status.as_ref().map(|status| status.computed_status.state).unwrap_or_default()
    }

    /// The decision, PENDING where nothing was written yet.
    pub fn approval(&self) -> ApprovalStatus {
        self.status
            .as_ref()
            .map(|status| status.third_party_approval.approval_status)
            .unwrap_or_default()
    }
}
