//! What a policy is asked about: one request.

use apiserver_object::User;
use serde_json::Value;

/// What the request does to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A change of an object, or of a subresource of it.
    Update,
    /// A deletion.
    Delete,
    /// A connection (`exec`, `proxy`, …).
    Connect,
}

impl Operation {
    /// The word that `request.operation` and a rule's `operations` use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// A request on its way to the store (`admission.k8s.io/v1` AdmissionRequest).
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// What it does.
    pub operation: Operation,
    /// API group of the resource; empty for the core group.
    pub group: &'a str,
    /// API version.
    pub version: &'a str,
    /// The resource: plural, lower case.
    pub resource: &'a str,
    /// The subresource, or empty.
    pub subresource: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The namespace, empty for a cluster-wide object.
    pub namespace: &'a str,
    /// The name, empty where the server is still to make one.
    pub name: &'a str,
    /// The object as it would be stored; `None` on deletion.
    pub object: Option<&'a Value>,
    /// The object as it is stored; `None` on creation.
    pub old_object: Option<&'a Value>,
    /// Who asks.
    pub user: &'a User,
    /// Nothing is to be stored.
    pub dry_run: bool,
    /// The Namespace of a namespaced object.
    pub namespace_object: Option<&'a Value>,
    /// The CreateOptions, UpdateOptions or DeleteOptions, if any.
    pub options: Option<&'a Value>,
}

impl Admission<'_> {
    /// Policies and their bindings are exempt from policies, or nobody could mend one that refuses everything.
    pub(crate) fn is_about_policies(&self) -> bool {
        let policies = [
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
        ];
        self.group == "admissionregistration.k8s.io" && policies.contains(&self.resource)
    }
}
