//! The question whether a user may do something, and its answer (`k8s.io/apiserver/pkg/authorization/authorizer`).

use std::borrow::Cow;
use std::sync::Arc;

use crate::User;

/// What a user wants to do (`authorization.k8s.io/v1` `SubjectAccessReviewSpec`). Texts are borrowed from the request
/// where there is one, so that asking costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attributes<'a> {
    /// Something with a resource.
    Resource(ResourceAttributes<'a>),
    /// Something with a path that is no resource: `/healthz`.
    NonResource(NonResourceAttributes<'a>),
}

/// What a user wants to do with a resource. Selectors of a list or watch are not here: no rule looks at them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceAttributes<'a> {
    /// `get`, `list`, `create`, …, or a word that only rules know: `bind`, `approve`.
    pub verb: Cow<'a, str>,
    /// API group; empty for the core group.
    pub group: Cow<'a, str>,
    /// Plural name of the resource.
    pub resource: Cow<'a, str>,
    /// `status`, `token`, …; empty without.
    pub subresource: Cow<'a, str>,
    /// Namespace; empty for cluster scope and for all namespaces.
    pub namespace: Cow<'a, str>,
    /// Name of the object; empty for lists and creations.
    pub name: Cow<'a, str>,
}

/// What a user wants to do with a path that is no resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NonResourceAttributes<'a> {
    /// The HTTP method in lower case.
    pub verb: Cow<'a, str>,
    /// The path.
    pub path: Cow<'a, str>,
}

/// The answer. The default denies without a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether the user may.
    pub allowed: bool,
    /// Which binding allows it, or which roles could not be found; as `SubjectAccessReview` shows it, often empty.
    pub reason: Arc<str>,
    /// Why the authorizer could not tell.
    pub error: Option<Arc<str>>,
}

/// Decides who may do what.
pub trait Authorizer {
    /// Whether `user` may do what `attributes` say.
    fn authorize(&self, user: &User, attributes: &Attributes<'_>) -> Decision;
}

impl<'a> Attributes<'a> {
    /// A request about a path that is no resource.
    pub fn non_resource(verb: impl Into<Cow<'a, str>>, path: impl Into<Cow<'a, str>>) -> Self {
        Self::NonResource(NonResourceAttributes { verb: verb.into(), path: path.into() })
    }

    /// The namespace whose rules count; empty for cluster scope.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Resource(attributes) => &attributes.namespace,
            Self::NonResource(_) => "",
        }
    }
}

impl<'a> From<ResourceAttributes<'a>> for Attributes<'a> {
    fn from(attributes: ResourceAttributes<'a>) -> Self {
        Self::Resource(attributes)
    }
}
