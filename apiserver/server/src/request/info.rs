//! What a request asks for, read from its method and path
//! (`k8s.io/apiserver/pkg/endpoints/request`, "RequestInfo").

use http::Method;

use crate::request::field_selector;
use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;

/// A request, before anything of it was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestInfo {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the method.
    pub(crate) verb: &'static str,
    /// Path as sent, without the query.
    pub(crate) path: String,
    /// Set where the path is one of resources.
    pub(crate) resource: Option<ResourcePath>,
}

impl RequestInfo {
    /// Reads a method and a path. With the query a collection is watched, or the one object of it is named that is
    /// meant: a right to that name is enough then.
    pub(crate) fn read(method: &Method, path: &str, parameters: &Parameters) -> Self {
        let Some((mut resource, watched)) = ResourcePath::parse(path) else {
            return Self { verb: plain_verb(method), path: path.to_owned(), resource: None };
        };
        let verb = verb(method, &resource, watched || parameters.watch);
        if matches!(verb, "list" | "watch" | "deletecollection")
            && let Some(name) = field_selector::one_name(&parameters.field_selector)
        {
            name.clone_into(&mut resource.selected);
        }
        Self { verb, path: path.to_owned(), resource: Some(resource) }
    }
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
        let info = RequestInfo::read(method, path, &Parameters::default());
        let part = info.resource.unwrap_or_default();
        (
            info.verb,
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
