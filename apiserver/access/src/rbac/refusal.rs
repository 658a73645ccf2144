//! How a refusal reads.

use apiserver_object::{Attributes, ResourceAttributes, User, go_text::quoted};

/// The message of the `Forbidden` status, word for word as the real server's. `reason` is the decision's.
pub fn forbidden_message(user: &User, attributes: &Attributes<'_>, reason: &str) -> String {
    let subject = match attributes {
        Attributes::Resource(attributes) => format!("{} is forbidden", subject(attributes)),
        Attributes::NonResource(_) => "forbidden".to_owned(),
    };
    let denial = sanitized(&denial(user, attributes));
    if reason.is_empty() {
        format!("{subject}: {denial}")
    } else {
        format!("{subject}: {denial}: {reason}")
    }
}

/// `deployments.apps "x"`.
fn subject(attributes: &ResourceAttributes<'_>) -> String {
    let ResourceAttributes { group, resource, name, .. } = attributes;
    let dot = if group.is_empty() { "" } else { "." };
    if name.is_empty() {
        format!("{resource}{dot}{group}")
    } else {
        format!("{resource}{dot}{group} {}", quoted(name))
    }
}

fn denial(user: &User, attributes: &Attributes<'_>) -> String {
    let user = quoted(&user.name);
    let ResourceAttributes { verb, group, resource, subresource, namespace, .. } = match attributes
    {
        Attributes::Resource(attributes) => attributes,
        Attributes::NonResource(attributes) => {
            let path = quoted(&attributes.path);
            return format!("User {user} cannot {} path {path}", attributes.verb);
        }
    };
    let slash = if subresource.is_empty() { "" } else { "/" };
    let resource = quoted(&format!("{resource}{slash}{subresource}"));
    let group = quoted(group);
    let scope = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {}", quoted(namespace))
    };
    format!("User {user} cannot {verb} resource {resource} in API group {group} {scope}")
}

/// A browser that shows the message must not take it for HTML.
fn sanitized(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, attributes: ResourceAttributes<'_>) -> String {
        let user = User { name: name.to_owned(), ..User::default() };
        forbidden_message(&user, &attributes.into(), "")
    }

    #[test]
    fn refusals_read_as_the_real_server_writes_them() {
        let pod = ResourceAttributes {
            verb: "get".into(),
            resource: "pods".into(),
            ..ResourceAttributes::default()
        };
        let deployment = ResourceAttributes {
            group: "apps".into(),
            resource: "deployments".into(),
            namespace: "n".into(),
            name: "x".into(),
            ..pod.clone()
        };
        assert_eq!(
            message("u", deployment),
            r#"deployments.apps "x" is forbidden: User "u" cannot get resource "deployments" in API group "apps" in the namespace "n""#
        );
        assert_eq!(
            message("u", ResourceAttributes { verb: "list".into(), ..pod.clone() }),
            r#"pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope"#
        );
        let named = ResourceAttributes { name: "x".into(), namespace: "n".into(), ..pod };
        let log = ResourceAttributes { subresource: "log".into(), ..named.clone() };
        assert_eq!(
            message("system:anonymous", log),
            r#"pods "x" is forbidden: User "system:anonymous" cannot get resource "pods/log" in API group "" in the namespace "n""#
        );
        assert_eq!(
            message("a\"b<>&", ResourceAttributes { namespace: "default".into(), ..named }),
            r#"pods "x" is forbidden: User "a\"b&lt;&gt;&amp;" cannot get resource "pods" in API group "" in the namespace "default""#
        );
    }

    #[test]
    fn a_refused_path_is_named_with_the_reason() {
        let path = Attributes::non_resource("get", "/foo/bar");
        let user = User { name: "u".to_owned(), ..User::default() };
        assert_eq!(
            forbidden_message(&user, &path, ""),
            r#"forbidden: User "u" cannot get path "/foo/bar""#
        );
        assert_eq!(
            forbidden_message(&user, &path, "why"),
            r#"forbidden: User "u" cannot get path "/foo/bar": why"#
        );
    }
}
