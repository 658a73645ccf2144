//! The question to RBAC.

use apiserver_access::forbidden_message;
use apiserver_object::{Attributes, Authorizer, Decision, ResourceAttributes, User, Verb};

use crate::access::Access;
use crate::failure::Failure;
use crate::request::info::RequestInfo;
use crate::request::path::ResourcePath;

impl Access {
    /// Whether the user may make a request; the refusal is what the client is sent.
    pub(crate) fn authorize(&self, user: &User, info: &RequestInfo) -> Result<(), Failure> {
        match info {
            RequestInfo::Resource { verb, path } => self.authorize_resource(user, *verb, path),
            RequestInfo::NonResource { verb, path } => {
                self.require(user, &Attributes::non_resource(*verb, path.as_str()))
            }
        }
    }

    /// Whether the user may do this to a resource.
    pub(crate) fn authorize_resource(
        &self,
        user: &User,
        verb: Option<Verb>,
        path: &ResourcePath,
    ) -> Result<(), Failure> {
        let attributes = ResourceAttributes {
            verb: verb.map_or("", Verb::as_str).into(),
            group: path.group.as_str().into(),
            resource: path.resource.as_str().into(),
            subresource: path.subresource.as_str().into(),
            namespace: path.namespace.as_str().into(),
            name: path.authorized_name().into(),
        };
        self.require(user, &attributes.into())
    }

    /// What RBAC decides.
    pub(crate) fn decide(&self, user: &User, attributes: &Attributes<'_>) -> Decision {
        self.derived.rbac().authorize(user, attributes)
    }

    fn require(&self, user: &User, attributes: &Attributes<'_>) -> Result<(), Failure> {
        let decision = self.decide(user, attributes);
        if decision.allowed {
            return Ok(());
        }
        let about = match attributes {
            Attributes::Resource(about) => Some((&*about.group, &*about.resource, &*about.name)),
            Attributes::NonResource(_) => None,
        };
        Err(Failure::forbidden(forbidden_message(user, attributes, &decision.reason), about))
    }
}
