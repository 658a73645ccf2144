//! OpenAPI v3 documents: enough for `kubectl explain`, `kubectl apply` and what else looks fields, merge keys and
//! parameters up in them. `/openapi/v2` is not served; clients of this version do not ask for it.

mod operations;
mod schemas;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::discovery::{fingerprint, group_versions};
use crate::kind::Kind;

/// `api/v1`, `apis/apps/v1`: where a version's document is found under `/openapi/v3/`.
fn place(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// `/openapi/v3`: where the document of each version is. The address has a hash that changes with the document, which is
/// not made for that.
pub fn openapi_index(kinds: &[Arc<Kind>]) -> Value {
    let mut groups: Vec<&str> = Vec::new();
    for kind in kinds {
        if !groups.contains(&&*kind.group) {
            groups.push(&kind.group);
        }
    }
    let mut paths = Map::new();
    for group in groups {
        for version in group_versions(kinds, group) {
            let place = place(group, &version);
            let url = format!("/openapi/v3/{place}?hash={}", openapi_hash(kinds, group, &version));
            paths.insert(place, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

fn of_version<'a>(kinds: &'a [Arc<Kind>], group: &str, version: &str) -> Vec<&'a Kind> {
    let matching = |kind: &&Arc<Kind>| &*kind.group == group && &*kind.version == version;
    kinds.iter().filter(matching).map(AsRef::as_ref).collect()
}

/// The hash in the address of a version's document, also its `ETag`: that of what the document is made from.
pub fn openapi_hash(kinds: &[Arc<Kind>], group: &str, version: &str) -> String {
    let made_from = |kind: &Kind| {
        let parts = &kind.subresources;
        let subresources = (parts.status, parts.scale.is_some(), parts.token, parts.finalize);
        json!([
            &*kind.kind,
            &*kind.plural,
            &*kind.list_kind,
            kind.namespaced,
            kind.openapi().map(|schema| &**schema),
            subresources
        ])
    };
    let all: Vec<Value> = of_version(kinds, group, version).into_iter().map(made_from).collect();
    fingerprint(&json!([env!("CARGO_PKG_VERSION"), group, version, all]))
}

/// The document of one version; `None` if nothing of it is served. It is made anew with each call: callers keep it.
pub fn openapi_document(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let kinds = of_version(kinds, group, version);
    if kinds.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    for kind in &kinds {
        operations::write(kind, &mut paths);
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "1.37"},
        "paths": paths,
        "components": {"schemas": schemas::of(&kinds)},
    }))
}

/// The group, version and kind that an entry is about.
fn group_version_kind(kind: &Kind, name: &str) -> Value {
    json!({"group": &*kind.group, "version": &*kind.version, "kind": name})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
