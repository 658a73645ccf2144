//! What a request asks for, read from its method and path
//! (`k8s.io/apiserver/pkg/endpoints/request`, "RequestInfo").

use apiserver_object::Verb;
use http::Method;

use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;
use crate::request::{field_selector, verb};

/// A request, before anything of it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestInfo {
    /// On resources; the verb is missing where the method has none.
    Resource { verb: Option<Verb>, path: ResourcePath },
    /// On any other path, as sent without the query. The verb is the method in lower case.
    NonResource { verb: &'static str, path: String },
}

impl RequestInfo {
    /// Reads a method and a path. With the query a collection is watched, or the one object of it is named that is
    /// meant: a right to that name is enough then.
    pub(crate) fn read(method: &Method, path: &str, parameters: &Parameters) -> Self {
        let Some((mut resource, watched)) = ResourcePath::parse(path) else {
            return Self::NonResource { verb: plain_verb(method), path: path.to_owned() };
        };
        let collection = resource.name.is_empty();
        let verb = verb::of_method(method, collection, watched || parameters.watch);
        if matches!(verb, Some(Verb::List | Verb::Watch | Verb::DeleteCollection))
            && let Some(name) = field_selector::one_name(&parameters.field_selector)
        {
            name.clone_into(&mut resource.selected);
        }
        Self::Resource { verb, path: resource }
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
        match RequestInfo::read(method, path, &Parameters::default()) {
            RequestInfo::Resource { verb, path } => (
                verb.map_or("", Verb::as_str),
                [
                    path.group,
                    path.version,
                    path.namespace,
                    path.resource,
                    path.name,
                    path.subresource,
                ],
            ),
            RequestInfo::NonResource { verb, .. } => (verb, Default::default()),
        }
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
