//! What a policy is asked about: one request, who sends it, and whom it asks for rights.

use std::collections::BTreeMap;

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

/// Who sends a request (`authentication.k8s.io/v1` UserInfo).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// The name, `system:serviceaccount:NAMESPACE:NAME` for a ServiceAccount.
    pub username: String,
    /// The unique id, empty where there is none.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else the authenticator knows.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// The user that a ServiceAccount is, with its two groups and the one of all authenticated.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            username: format!("system:serviceaccount:{namespace}:{name}"),
            uid: String::new(),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
            extra: BTreeMap::new(),
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
    pub user: &'a UserInfo,
    /// Nothing is to be stored.
    pub dry_run: bool,
    /// The Namespace of a namespaced object.
    pub namespace_object: Option<&'a Value>,
    /// The CreateOptions, UpdateOptions or DeleteOptions, if any.
    pub options: Option<&'a Value>,
}

/// One question to the authorizer (SubjectAccessReview): about a resource, or about a path where `path` is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// The verb.
    pub verb: String,
    /// API group.
    pub group: String,
    /// Resource: plural, lower case.
    pub resource: String,
    /// Subresource, or empty.
    pub subresource: String,
    /// Namespace, empty for all or for a cluster-wide resource.
    pub namespace: String,
    /// Name, empty for all.
    pub name: String,
    /// A path that is no resource: `/healthz`.
    pub path: Option<String>,
    /// `fieldSelector` of a list or watch, as written.
    pub field_selector: Option<String>,
    /// `labelSelector` of a list or watch, as written.
    pub label_selector: Option<String>,
}

/// What the authorizer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The user may.
    pub allowed: bool,
    /// Why, possibly empty.
    pub reason: String,
    /// The authorizer could not tell.
    pub error: Option<String>,
}

/// Says who may do what.
pub trait Authorizer {
    /// Whether `user` may do what `check` says.
    fn allowed(&self, user: &UserInfo, check: &Check) -> Decision;
}
