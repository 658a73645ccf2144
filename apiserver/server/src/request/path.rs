//! Paths of resources.

use percent_encoding::percent_decode_str;

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

/// Subresources of a Namespace; any other third part is a resource within it.
const OF_NAMESPACES: [&str; 2] = ["status", "finalize"];

impl ResourcePath {
    /// The parts of a path, and whether it is one of the old paths that watch; `None` where it is no path of resources.
    pub(crate) fn parse(path: &str) -> Option<(Self, bool)> {
        let parts = decoded_parts(path)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (rest, watched) = match rest {
            ["watch", rest @ ..] => (rest, true),
            rest => (rest, false),
        };
        let (namespace, rest) = within_namespace(group, rest);
        // A fourth part is no path of ours.
        let (resource, name, subresource) = match *rest {
            [resource] => (resource, "", ""),
            [resource, name] => (resource, name, ""),
            [resource, name, subresource] => (resource, name, subresource),
            _ => return None,
        };
        // The name of a Namespace counts as its namespace, for RBAC in that namespace.
        let is_namespace = group.is_empty() && resource == "namespaces";
        let path = Self {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: if is_namespace { name } else { namespace }.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            selected: String::new(),
        };
        Some((path, watched))
    }

    /// The name that rights are asked for.
    pub(crate) fn authorized_name(&self) -> &str {
        if self.name.is_empty() { &self.selected } else { &self.name }
    }
}

fn decoded_parts(path: &str) -> Option<Vec<String>> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned()))
        .collect()
}

/// The namespace that a path is in, and what follows it.
fn within_namespace<'a, 'p>(group: &str, parts: &'p [&'a str]) -> (&'a str, &'p [&'a str]) {
    match parts {
        ["namespaces", _, subresource]
            if group.is_empty() && OF_NAMESPACES.contains(subresource) =>
        {
            ("", parts)
        }
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", parts),
    }
}
