//! Bodies, as YAML with names to be filled in.

/// A ConfigMap: its name, with further metadata after a comma, and further fields.
pub(super) fn config_map(name: &str, rest: &str) -> String {
    object("v1, kind: ConfigMap", name, rest)
}

/// A Secret.
pub(super) fn secret(name: &str, rest: &str) -> String {
    object("v1, kind: Secret", name, rest)
}

/// An object of the kind that all cases share.
pub(super) fn widget(name: &str, rest: &str) -> String {
    object("$shared/v1, kind: Widget", name, rest)
}

/// An object of any kind: `head` is its apiVersion, `, kind: ` and its kind.
pub(super) fn object(head: &str, name: &str, rest: &str) -> String {
    let comma = if rest.is_empty() { "" } else { ", " };
    format!("{{apiVersion: {head}, metadata: {{name: {name}}}{comma}{rest}}}")
}

/// A ServiceAccount with a role that has the rules and is bound to it; all of this name.
pub(super) fn granted(name: &str, rules: &str) -> Vec<crate::call::Call> {
    use crate::call::post;
    let subject = format!("subjects: [{{kind: ServiceAccount, name: {name}, namespace: $ns}}]");
    let reference =
        format!("roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}");
    let role = object("rbac.authorization.k8s.io/v1, kind: Role", name, &format!("rules: {rules}"));
    let binding = object(
        "rbac.authorization.k8s.io/v1, kind: RoleBinding",
        name,
        &format!("{reference}, {subject}"),
    );
    let token = format!("$serviceaccounts/{name}/token");
    vec![
        post("$serviceaccounts", object("v1, kind: ServiceAccount", name, "")).quiet(),
        post("$roles", role).quiet(),
        post("$rolebindings", binding).quiet(),
        post(token, "{apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: {}}")
            .save("token", "/status/token")
            .quiet(),
    ]
}
