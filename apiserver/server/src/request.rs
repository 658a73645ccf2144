//! What a request asks for, read from its method and path
//! (`k8s.io/apiserver/pkg/endpoints/request`, "RequestInfo").

use http::Method;
use percent_encoding::percent_decode_str;

use crate::parameters::Parameters;
use crate::selectors;

/// A request, before anything of it was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the method.
    pub(crate) verb: &'static str,
    /// Path as sent, without the query.
    pub(crate) path: String,
    /// Set where the path is one of resources.
    pub(crate) resource: Option<ResourcePath>,
}

/// `/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE`, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    pub(crate) group: String,
    pub(crate) version: String,
    /// Empty for cluster-scoped resources and for lists over all namespaces.
    pub(crate) namespace: String,
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
    /// The one name that a field selector on the collection lets through.
    pub(crate) selected: String,
}

impl ResourcePath {
    /// The name that rights are asked for.
    pub(crate) fn authorized_name(&self) -> &str {
        if self.name.is_empty() { &self.selected } else { &self.name }
    }
}

/// Subresources of a Namespace; any other third part is a resource within it.
const OF_NAMESPACES: [&str; 2] = ["status", "finalize"];

impl Asked {
    /// Reads a method and a path. The query says whether a collection is watched, and may name the one object of it
    /// that is meant: a right to that name is enough then.
    pub(crate) fn read(method: &Method, path: &str, parameters: &Parameters) -> Self {
        let Some((mut resource, watched)) = resource_path(path) else {
            return Self { verb: plain_verb(method), path: path.to_owned(), resource: None };
        };
        let verb = verb(method, &resource, watched || parameters.watch);
        if matches!(verb, "list" | "watch" | "deletecollection")
            && let Some(name) = selectors::one_name(&parameters.field_selector)
        {
            name.clone_into(&mut resource.selected);
        }
        Self { verb, path: path.to_owned(), resource: Some(resource) }
    }
}

/// The path's parts, and whether it is one of the old paths that watch.
fn resource_path(path: &str) -> Option<(ResourcePath, bool)> {
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8());
    let parts: Vec<String> =
        parts.map(|part| part.map(Into::into)).collect::<Result<_, _>>().ok()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let mut asked = ResourcePath {
        group: group.to_owned(),
        version: version.to_owned(),
        ..ResourcePath::default()
    };
    let (rest, watched) = match rest {
        ["watch", rest @ ..] => (rest, true),
        rest => (rest, false),
    };
    let rest = match rest {
        [] => return None,
        ["namespaces", namespace, subresource]
            if group.is_empty() && OF_NAMESPACES.contains(subresource) =>
        {
            (*namespace).clone_into(&mut asked.namespace);
            ["namespaces", namespace, subresource].to_vec()
        }
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
            (*namespace).clone_into(&mut asked.namespace);
            rest.to_vec()
        }
        rest => rest.to_vec(),
    };
    let mut rest = rest.into_iter();
    rest.next()?.clone_into(&mut asked.resource);
    rest.next().unwrap_or_default().clone_into(&mut asked.name);
    rest.next().unwrap_or_default().clone_into(&mut asked.subresource);
    // A fourth part is no path of ours.
    if rest.next().is_some() {
        return None;
    }
    // The name of a Namespace counts as its namespace, for RBAC in that namespace.
    if group.is_empty() && asked.resource == "namespaces" {
        asked.namespace.clone_from(&asked.name);
    }
    Some((asked, watched))
}

fn verb(method: &Method, resource: &ResourcePath, watch: bool) -> &'static str {
    let collection = resource.name.is_empty();
    match *method {
        Method::GET | Method::HEAD if watch && collection => "watch",
        Method::GET | Method::HEAD if collection => "list",
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if collection => "deletecollection",
        Method::DELETE => "delete",
        _ => "",
    }
}

fn plain_verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "head",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &Method, path: &str) -> (&'static str, [String; 6]) {
        let asked = Asked::read(method, path, &Parameters::default());
        let part = asked.resource.unwrap_or_default();
        (
            asked.verb,
            [part.group, part.version, part.namespace, part.resource, part.name, part.subresource],
        )
    }

    #[test]
    fn a_path_is_taken_apart_as_kubernetes_does() {
        let cases: &[(&Method, &str, &str, [&str; 6])] = &[
            (&Method::GET, "/api/v1/secrets", "list", ["", "v1", "", "secrets", "", ""]),
            (
                &Method::GET,
                "/api/v1/namespaces/a/secrets/b",
                "get",
                ["", "v1", "a", "secrets", "b", ""],
            ),
            (&Method::GET, "/api/v1/namespaces", "list", ["", "v1", "", "namespaces", "", ""]),
            (&Method::GET, "/api/v1/namespaces/a", "get", ["", "v1", "a", "namespaces", "a", ""]),
            (
                &Method::PUT,
                "/api/v1/namespaces/a/finalize",
                "update",
                ["", "v1", "a", "namespaces", "a", "finalize"],
            ),
            (
                &Method::POST,
                "/apis/g.io/v2/namespaces/a/foos",
                "create",
                ["g.io", "v2", "a", "foos", "", ""],
            ),
            (
                &Method::PATCH,
                "/apis/g.io/v2/foos/b/status",
                "patch",
                ["g.io", "v2", "", "foos", "b", "status"],
            ),
            (
                &Method::DELETE,
                "/apis/g.io/v2/foos",
                "deletecollection",
                ["g.io", "v2", "", "foos", "", ""],
            ),
            (&Method::GET, "/apis/g.io/v2", "get", ["", "", "", "", "", ""]),
            (&Method::GET, "/version", "get", ["", "", "", "", "", ""]),
            (&Method::GET, "/apis/g.io/v2/foos/a/b/c", "get", ["", "", "", "", "", ""]),
        ];
        for (method, path, verb, parts) in cases {
            assert_eq!(read(method, path), (*verb, parts.map(str::to_owned)), "{method} {path}");
        }
    }

    #[test]
    fn a_name_may_be_percent_encoded() {
        assert_eq!(read(&Method::GET, "/apis/g/v1/clusterroles/system%3Aa").1[4], "system:a");
    }
}
