//! What is done to resources.

use http::Method;

/// The verb of a request on resources, as rules name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    /// The verb of a method, if it has one. `collection`: the path names no object.
    pub(crate) fn of_method(method: &Method, collection: bool, watch: bool) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD if watch && collection => Some(Self::Watch),
            Method::GET | Method::HEAD if collection => Some(Self::List),
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::POST => Some(Self::Create),
            Method::PUT => Some(Self::Update),
            Method::PATCH => Some(Self::Patch),
            Method::DELETE if collection => Some(Self::DeleteCollection),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}
