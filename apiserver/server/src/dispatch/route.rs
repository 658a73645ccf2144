//! Which paths lead to a kind, and which verbs go with them.

use apiserver_kinds::{self as kinds, Kind};

use crate::failure::Failure;
use crate::request::path::ResourcePath;

/// A path of a custom kind that is in a namespace though the kind is not, or the other way round. Lists alone go over
/// all namespaces.
pub(super) fn is_elsewhere(kind: &Kind, path: &ResourcePath, verb: &str) -> bool {
    let inside = !path.namespace.is_empty();
    let across = inside || matches!(verb, "list" | "watch");
    kind.custom && if kind.namespaced { !across } else { inside }
}

/// Refuses a path that is not one of the kind, and a verb that does not go with it.
pub(super) fn check(kind: &Kind, path: &ResourcePath, verb: &str) -> Result<(), Failure> {
    let no_namespace = kind.namespaced && path.namespace.is_empty();
    let outside = no_namespace && !path.name.is_empty();
    let inside = !kind.namespaced && !path.namespace.is_empty() && path.resource != "namespaces";
    let known = has_subresource(kind, &path.subresource);
    if kind.custom && !inside && !outside && !known {
        return Err(Failure::not_found(kind, &path.name));
    }
    if inside || outside || !known {
        return Err(Failure::no_such_resource());
    }
    // A POST makes an object whose name is in its body; all else that is written is named in the path.
    let misplaced = match verb {
        "create" => {
            !path.name.is_empty() && path.subresource.is_empty() || no_namespace && kind.is_stored()
        }
        "update" | "patch" => path.name.is_empty(),
        "deletecollection" => no_namespace,
        _ => false,
    };
    if verb.is_empty() || misplaced || !allows(kind, &path.subresource, verb) {
        return Err(Failure::method_not_allowed());
    }
    Ok(())
}

/// Whether a path's third part is a subresource of the kind; `""` always is.
fn has_subresource(kind: &Kind, subresource: &str) -> bool {
    match subresource {
        "" => true,
        "status" => kind.subresources.status,
        "scale" => kind.subresources.scale.is_some(),
        "token" => kind.subresources.token,
        "finalize" => kind.subresources.finalize,
        _ => false,
    }
}

/// Whether a verb goes with the kind, or with its subresource.
fn allows(kind: &Kind, subresource: &str, verb: &str) -> bool {
    match subresource {
        "" => kind.allows(verb),
        "token" => verb == "create",
        "finalize" => verb == "update",
        _ => kinds::SUBRESOURCE.contains(&verb),
    }
}
