//! Which paths lead to a kind, and which verbs go with them.

use apiserver_kinds::Kind;
use apiserver_object::{Subresource, Verb};

use crate::failure::Failure;
use crate::request::path::ResourcePath;

/// A path of a custom kind that is in a namespace though the kind is not, or the other way round. Lists alone go over
/// all namespaces.
pub(super) fn is_elsewhere(kind: &Kind, path: &ResourcePath, verb: Option<Verb>) -> bool {
    let inside = !path.namespace.is_empty();
    let across = inside || matches!(verb, Some(Verb::List | Verb::Watch));
    kind.custom && if kind.namespaced { !across } else { inside }
}

/// The verb and the part of an object that a request on a kind is about. Refuses a path that is not one of the kind,
/// and a verb that does not go with it.
pub(super) fn find(
    kind: &Kind,
    path: &ResourcePath,
    verb: Option<Verb>,
) -> Result<(Verb, Subresource), Failure> {
    let no_namespace = kind.namespaced && path.namespace.is_empty();
    let outside = no_namespace && !path.name.is_empty();
    let inside = !kind.namespaced && !path.namespace.is_empty() && path.resource != "namespaces";
    if inside || outside {
        return Err(Failure::no_such_resource());
    }
    let subresource = Subresource::parse(&path.subresource).filter(|one| kind.has(*one));
    let subresource = subresource.ok_or_else(|| {
        if kind.custom { Failure::not_found(kind, &path.name) } else { Failure::no_such_resource() }
    })?;
    let verb = verb.filter(|verb| {
        !is_misplaced(kind, path, *verb) && kind.verbs_of(subresource).contains(verb)
    });
    verb.map(|verb| (verb, subresource)).ok_or_else(Failure::method_not_allowed)
}

/// A POST makes an object whose name is in its body; all else that is written is named in the path.
fn is_misplaced(kind: &Kind, path: &ResourcePath, verb: Verb) -> bool {
    let no_namespace = kind.namespaced && path.namespace.is_empty();
    match verb {
        Verb::Create => {
            !path.name.is_empty() && path.subresource.is_empty() || no_namespace && kind.is_stored()
        }
        Verb::Update | Verb::Patch => path.name.is_empty(),
        Verb::DeleteCollection => no_namespace,
        Verb::Get | Verb::List | Verb::Watch | Verb::Delete => false,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_verb_goes_with_its_paths_only() {
        let (found, gone) = (StatusCode::OK, StatusCode::NOT_FOUND);
        let not_allowed = StatusCode::METHOD_NOT_ALLOWED;
        let cases = [
            ("/api/v1/namespaces/a/configmaps/b", Some(Verb::Get), found),
            ("/api/v1/namespaces/a/configmaps/b", Some(Verb::Create), not_allowed),
            ("/api/v1/namespaces/a/configmaps/b", None, not_allowed),
            ("/api/v1/namespaces/a/configmaps/b/status", Some(Verb::Get), gone),
            ("/api/v1/namespaces/a/configmaps", Some(Verb::Create), found),
            ("/api/v1/namespaces/a/configmaps", Some(Verb::Update), not_allowed),
            ("/api/v1/configmaps", Some(Verb::List), found),
            ("/api/v1/configmaps", Some(Verb::Create), not_allowed),
            ("/api/v1/configmaps", Some(Verb::DeleteCollection), not_allowed),
            ("/api/v1/namespaces/a", Some(Verb::Delete), found),
            ("/api/v1/namespaces/a/finalize", Some(Verb::Update), found),
            ("/api/v1/namespaces/a/finalize", Some(Verb::Patch), not_allowed),
            ("/api/v1/namespaces/a/serviceaccounts/b/token", Some(Verb::Create), found),
            ("/api/v1/namespaces/a/serviceaccounts/b/token", Some(Verb::Get), not_allowed),
        ];
        for (path, verb, expected) in cases {
            let (parsed, _) = ResourcePath::parse(path).unwrap();
            let mut kinds = apiserver_kinds::builtin().into_iter();
            let kind = kinds
                .find(|kind| kind.group.is_empty() && *kind.plural == *parsed.resource)
                .unwrap();
            let code = match find(&kind, &parsed, verb) {
                Ok((read, _)) => {
                    assert_eq!(Some(read), verb);
                    StatusCode::OK
                }
                Err(failure) => failure.code,
            };
            assert_eq!(code, expected, "{verb:?} {path}");
        }
    }
}
