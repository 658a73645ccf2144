//! What a request wants to do, and how a refusal reads.

use std::sync::Arc;

use crate::User;
use crate::go_quote::quoted;

/// What a request wants to do. Borrowed from the request, so that asking costs no allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, … or the lower-case HTTP method.
    pub verb: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// API version; no rule looks at it.
    pub version: &'a str,
    /// Plural name of the resource.
    pub resource: &'a str,
    /// `status`, `token`, …; empty without.
    pub subresource: &'a str,
    /// Namespace; empty for cluster scope.
    pub namespace: &'a str,
    /// Name of the object; empty for lists and creations.
    pub name: &'a str,
    /// Path of a request that is not about a resource.
    pub path: &'a str,
    /// Whether the request is about a resource; otherwise `verb` and `path` count alone.
    pub resource_request: bool,
}

/// The answer to a request's attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Which binding allows it, or which roles could not be found; as `SubjectAccessReview` shows it, often empty.
    pub reason: Arc<str>,
}

/// The message of the `Forbidden` status, word for word as the real server's. `reason` is the decision's.
pub fn forbidden_message(user: &User, attributes: &Attributes<'_>, reason: &str) -> String {
    let Attributes { group, resource, name, .. } = attributes;
    let subject = match (resource.is_empty(), name.is_empty(), group.is_empty()) {
        (true, ..) => "forbidden".to_owned(),
        (_, true, true) => format!("{resource} is forbidden"),
        (_, true, false) => format!("{resource}.{group} is forbidden"),
        (_, false, true) => format!("{resource} {} is forbidden", quoted(name)),
        (_, false, false) => format!("{resource}.{group} {} is forbidden", quoted(name)),
    };
    let denial = sanitized(&denial(user, attributes));
    if reason.is_empty() {
        format!("{subject}: {denial}")
    } else {
        format!("{subject}: {denial}: {reason}")
    }
}

fn denial(user: &User, attributes: &Attributes<'_>) -> String {
    let Attributes { verb, group, resource, subresource, namespace, path, .. } = attributes;
    let user = quoted(&user.name);
    if !attributes.resource_request {
        return format!("User {user} cannot {verb} path {}", quoted(path));
    }
    let resource = if subresource.is_empty() {
        (*resource).to_owned()
    } else {
        format!("{resource}/{subresource}")
    };
    let scope = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {}", quoted(namespace))
    };
    format!(
        "User {user} cannot {verb} resource {} in API group {} {scope}",
        quoted(&resource),
        quoted(group)
    )
}

/// A browser that shows the message must not take it for HTML.
fn sanitized(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn message(name: &str, attributes: Attributes<'_>) -> String {
        forbidden_message(&User { name: name.to_owned(), ..User::default() }, &attributes, "")
    }

    #[test]
    fn refusals_read_as_the_real_server_writes_them() {
        let pod = Attributes {
            verb: "get",
            resource: "pods",
            resource_request: true,
            ..Attributes::default()
        };
        assert_eq!(
            message(
                "u",
                Attributes {
                    group: "apps",
                    resource: "deployments",
                    namespace: "n",
                    name: "x",
                    ..pod
                }
            ),
            r#"deployments.apps "x" is forbidden: User "u" cannot get resource "deployments" in API group "apps" in the namespace "n""#
        );
        assert_eq!(
            message("u", Attributes { verb: "list", ..pod }),
            r#"pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope"#
        );
        assert_eq!(
            message(
                "system:anonymous",
                Attributes { subresource: "log", name: "x", namespace: "n", ..pod }
            ),
            r#"pods "x" is forbidden: User "system:anonymous" cannot get resource "pods/log" in API group "" in the namespace "n""#
        );
        assert_eq!(
            message("a\"b<>&", Attributes { name: "x", namespace: "default", ..pod }),
            r#"pods "x" is forbidden: User "a\"b&lt;&gt;&amp;" cannot get resource "pods" in API group "" in the namespace "default""#
        );
        let path = Attributes { verb: "get", path: "/foo/bar", ..Attributes::default() };
        assert_eq!(message("u", path), r#"forbidden: User "u" cannot get path "/foo/bar""#);
        let user = User { name: "u".to_owned(), ..User::default() };
        assert_eq!(
            forbidden_message(&user, &path, "why"),
            r#"forbidden: User "u" cannot get path "/foo/bar": why"#
        );
    }
}
