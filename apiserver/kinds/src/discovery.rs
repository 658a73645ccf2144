//! What discovery says of the kinds that a server serves.

use std::sync::Arc;

use apiserver_object::{Subresource, Verb};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::kind::Kind;

/// A document and the tag that names its content (`ETag`, with its quotes).
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The document.
    pub value: Value,
    /// Its tag.
    pub etag: String,
}

/// `/version`: the Kubernetes version that this server answers as.
pub fn version() -> Value {
    json!({
        "major": "1",
        "minor": "37",
        "emulationMajor": "1",
        "emulationMinor": "37",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "36",
        "gitVersion": "v1.37.2+embedded",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })
}

/// The architecture by the name that Go has for it, as other Kubernetes parts use that.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `/api`: versions of the core group. `address` is the server's own (`host:port`).
pub fn api_versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`: the named groups.
pub fn groups(kinds: &[Arc<Kind>]) -> Value {
    let groups: Vec<Value> =
        group_names(kinds).iter().map(|group| group_entry(kinds, group)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`: one group; `None` if nothing of it is served.
pub fn group(kinds: &[Arc<Kind>], name: &str) -> Option<Value> {
    let served = !name.is_empty() && kinds.iter().any(|kind| &*kind.group == name);
    served.then(|| {
        let mut document = json!({"kind": "APIGroup", "apiVersion": "v1"});
        if let (Some(document), Value::Object(entry)) =
            (document.as_object_mut(), group_entry(kinds, name))
        {
            document.extend(entry);
        }
        document
    })
}

fn group_entry(kinds: &[Arc<Kind>], name: &str) -> Value {
    let version = |version: &Arc<str>| json!({"groupVersion": format!("{name}/{version}"), "version": &**version});
    let versions: Vec<Value> = group_versions(kinds, name).iter().map(version).collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

/// Named groups: the built-in ones in their order, then others by name.
fn group_names(kinds: &[Arc<Kind>]) -> Vec<Arc<str>> {
    let (mut builtin, mut custom): (Vec<Arc<str>>, Vec<Arc<str>>) = (Vec::new(), Vec::new());
    for kind in kinds.iter().filter(|kind| !kind.group.is_empty()) {
        let names = if kind.custom { &mut custom } else { &mut builtin };
        if !names.contains(&kind.group) {
            names.push(Arc::clone(&kind.group));
        }
    }
    custom.retain(|group| !builtin.contains(group));
    custom.sort();
    builtin.extend(custom);
    builtin
}

/// Versions of a group, the preferred one first: stable before beta before alpha, larger numbers first.
pub(crate) fn group_versions(kinds: &[Arc<Kind>], group: &str) -> Vec<Arc<str>> {
    let of_group = kinds.iter().filter(|kind| &*kind.group == group);
    let mut versions: Vec<Arc<str>> = of_group.map(|kind| Arc::clone(&kind.version)).collect();
    versions.sort_by(|one, other| rank(other).cmp(&rank(one)).then_with(|| one.cmp(other)));
    versions.dedup();
    versions
}

/// Larger is preferred; names that are no Kubernetes versions come last, by name.
fn rank(version: &str) -> Option<(u8, u32, u32)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len());
    let major = rest.get(..digits)?.parse().ok()?;
    let suffix = rest.get(digits..)?;
    let minor = |stage: &str| suffix.strip_prefix(stage)?.parse().ok();
    match suffix {
        "" => Some((2, major, 0)),
        _ => minor("beta")
            .map(|minor| (1, major, minor))
            .or_else(|| minor("alpha").map(|minor| (0, major, minor))),
    }
}

fn of_version<'a>(kinds: &'a [Arc<Kind>], group: &str, version: &str) -> Vec<&'a Kind> {
    let matching = |kind: &&Arc<Kind>| &*kind.group == group && &*kind.version == version;
    let mut found: Vec<&Kind> = kinds.iter().filter(matching).map(AsRef::as_ref).collect();
    found.sort_by(|one, other| one.plural.cmp(&other.plural));
    found
}

/// `/api/v1` and `/apis/GROUP/VERSION`: what is served of one version; `None` if nothing is.
pub fn resources(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let kinds = of_version(kinds, group, version);
    let first = kinds.first()?;
    let resources: Vec<Value> = kinds.iter().flat_map(|kind| resource_entries(kind)).collect();
    let mut document = json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": first.api_version(),
        "resources": resources,
    });
    // As the real server: the core group's list has no `apiVersion`.
    if let (true, Some(fields)) = (group.is_empty(), document.as_object_mut()) {
        fields.remove("apiVersion");
    }
    Some(document)
}

fn resource_entries(kind: &Kind) -> Vec<Value> {
    let mut entry = json!({
        "name": &*kind.plural,
        "singularName": &*kind.singular,
        "namespaced": kind.namespaced,
        "kind": &*kind.kind,
        "verbs": words(kind.verbs),
    });
    if let Some(fields) = entry.as_object_mut() {
        names(kind, fields);
        if kind.is_stored() {
            fields.insert("storageVersionHash".to_owned(), storage_version_hash(kind).into());
        }
    }
    let mut entries = vec![entry];
    entries.extend(subresources(kind).map(|part| subresource_entry(kind, part)));
    entries
}

fn names(kind: &Kind, fields: &mut Map<String, Value>) {
    for (field, names) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
        if !names.is_empty() {
            fields
                .insert(field.to_owned(), names.iter().map(|name| Value::from(&**name)).collect());
        }
    }
}

/// A short name for the version in which objects are stored, so that clients see when it changes.
fn storage_version_hash(kind: &Kind) -> String {
    // Events of both groups are stored as those of the core group.
    let group = if &*kind.kind == "Event" && !kind.custom { "" } else { &*kind.group };
    // The real server stores definitions as `v1beta1`, and says so here.
    let version =
        if &*kind.group == "apiextensions.k8s.io" { "v1beta1" } else { &*kind.storage_version };
    let digest = Sha256::digest(format!("{group}/{version}/{}", kind.kind));
    STANDARD.encode(&digest[..8])
}

/// Custom kinds have their subresources in the order of their definition, built-in ones by name.
fn subresources(kind: &Kind) -> impl Iterator<Item = Subresource> {
    let ordered = if kind.custom {
        [Subresource::Status, Subresource::Scale, Subresource::Token, Subresource::Finalize]
    } else {
        [Subresource::Finalize, Subresource::Scale, Subresource::Status, Subresource::Token]
    };
    ordered.into_iter().filter(|subresource| kind.has(*subresource))
}

/// Group, version and kind of what a subresource shows, if not the kind itself.
const fn shown(subresource: Subresource) -> Option<(&'static str, &'static str, &'static str)> {
    match subresource {
        Subresource::Scale => Some(("autoscaling", "v1", "Scale")),
        Subresource::Token => Some(("authentication.k8s.io", "v1", "TokenRequest")),
        Subresource::Whole | Subresource::Status | Subresource::Finalize => None,
    }
}

fn subresource_entry(kind: &Kind, subresource: Subresource) -> Value {
    let shown = shown(subresource);
    let mut entry = json!({
        "name": format!("{}/{subresource}", kind.plural),
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": shown.map_or(&*kind.kind, |shown| shown.2),
        "verbs": words(kind.verbs_of(subresource)),
    });
    if let (Some((group, version, _)), Some(fields)) = (shown, entry.as_object_mut()) {
        fields.insert("group".to_owned(), group.into());
        fields.insert("version".to_owned(), version.into());
    }
    entry
}

fn aggregated_subresource(kind: &Kind, subresource: Subresource) -> Value {
    let response = match shown(subresource) {
        Some((group, version, kind)) => json!({"group": group, "version": version, "kind": kind}),
        None => response_kind(kind),
    };
    let verbs = words(kind.verbs_of(subresource));
    json!({"subresource": subresource.as_str(), "responseKind": response, "verbs": verbs})
}

fn words(verbs: &[Verb]) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.as_str()).collect()
}

/// `/api` (`core`) or `/apis` as one document (`APIGroupDiscoveryList`, apidiscovery.k8s.io/v2).
pub fn aggregated(kinds: &[Arc<Kind>], core: bool) -> Document {
    let groups = if core { vec![Arc::from("")] } else { group_names(kinds) };
    let items: Vec<Value> = groups.iter().map(|group| aggregated_group(kinds, group)).collect();
    let value = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    });
    let etag = format!("\"{}\"", fingerprint(&value));
    Document { value, etag }
}

/// Hexadecimal digest of a document.
pub(crate) fn fingerprint(value: &Value) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(value.to_string());
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

fn aggregated_group(kinds: &[Arc<Kind>], group: &str) -> Value {
    let version = |version: &Arc<str>| {
        let resources: Vec<Value> =
            of_version(kinds, group, version).into_iter().map(aggregated_resource).collect();
        json!({"version": &**version, "resources": resources, "freshness": "Current"})
    };
    let versions: Vec<Value> = group_versions(kinds, group).iter().map(version).collect();
    let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
    json!({"metadata": metadata, "versions": versions})
}

fn aggregated_resource(kind: &Kind) -> Value {
    let mut entry = json!({
        "resource": &*kind.plural,
        "responseKind": response_kind(kind),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": &*kind.singular,
        "verbs": words(kind.verbs),
    });
    let parts: Vec<Value> =
        subresources(kind).map(|part| aggregated_subresource(kind, part)).collect();
    if let Some(fields) = entry.as_object_mut() {
        names(kind, fields);
        if !parts.is_empty() {
            fields.insert("subresources".to_owned(), parts.into());
        }
    }
    entry
}

/// Built-in kinds leave group and version to the document around them.
fn response_kind(kind: &Kind) -> Value {
    if kind.custom {
        json!({"group": &*kind.group, "version": &*kind.version, "kind": &*kind.kind})
    } else {
        json!({"group": "", "version": "", "kind": &*kind.kind})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_first() {
        let mut versions = ["v1alpha1", "v2", "v1beta2", "v10", "v1beta10", "foo", "v1"];
        versions.sort_by(|one, other| rank(other).cmp(&rank(one)).then_with(|| one.cmp(other)));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo"]);
    }
}
