//! `meshroot.dev` RequestApproval: one person's approval of one request.

use kube::{CustomResource, Resource as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::LONGEST_USER;
use crate::shared::ResourceRef;
use crate::{VirtualMeshCertificateSigningRequest as Request, is_default};

/// One person's approval of one request, in the request's namespace.
///
/// It stands for what was shown under its digest, and for nothing else. Never changed; deleting it withdraws it, which
/// counts until the request was decided. The hub copies what counted into the IssuanceRecord.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[kube(
    group = "meshroot.dev",
    version = "v1alpha1",
    kind = "RequestApproval",
    plural = "requestapprovals",
    shortname = "reqappr",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    printcolumn(name = "Request", type_ = "string", json_path = ".spec.request"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".spec.message", priority = 1),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec: an approval never changes: delete it to withdraw it")
)]
#[serde(rename_all = "camelCase")]
pub struct RequestApprovalSpec {
    /// Name of the request, in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub request: String,
    /// The request's virtual mesh, as the request refers to it: who may approve on it may write this.
    pub virtual_mesh_ref: ResourceRef,
    /// What is approved: the digest that `meshroot describe vmcsr` shows, 64 hexadecimal digits. It stands for the very
    /// object, its CSR, lifetime, path length and issuer.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Who approves: the name that the API server knows the writer by. It is put in where it is left out and the server
    /// has MutatingAdmissionPolicy (Kubernetes 1.36); another name is refused.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = LONGEST_USER))]
    pub user: String,
    /// Why, for people: a ticket number.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 1024))]
    pub message: String,
}

impl RequestApproval {
    /// An approval of a request by `user`. One user has one name for it, so that approving twice is no second vote, and
    /// it goes with its request.
    ///
    /// `suffix` stands for the user in the object's name.
    pub fn of(request: &Request, suffix: &str, spec: RequestApprovalSpec) -> Self {
        let mut approval = Self::new(&format!("{}.{suffix}", spec.request), spec);
        approval.metadata.namespace.clone_from(&request.metadata.namespace);
        approval.metadata.owner_references = request.owner_ref(&()).map(|owner| vec![owner]);
        approval
    }
}
