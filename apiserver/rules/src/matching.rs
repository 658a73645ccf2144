//! Which requests a policy or binding is about (`MatchResources`).

use apiserver_object::{FieldError, LabelSelector, Path};
use serde_json::Value as Json;

use crate::admission::Admission;

/// `matchConstraints` of a policy, `matchResources` of a binding. The default matches everything.
#[derive(Debug, Default)]
pub(crate) struct MatchResources {
    rules: Vec<ResourceRule>,
    excluded: Vec<ResourceRule>,
    namespaces: LabelSelector,
    objects: LabelSelector,
}

#[derive(Debug)]
struct ResourceRule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    scope: Option<String>,
}

impl MatchResources {
    /// Reads the constraints at `path`.
    pub(crate) fn read(json: &Json, path: &str, faults: &mut Vec<FieldError>) -> Self {
        let mut rules = |field: &str| -> Vec<ResourceRule> {
            let list = json.get(field).and_then(Json::as_array);
            let list = list.into_iter().flatten().enumerate();
            list.map(|(at, rule)| {
                ResourceRule::read(rule, &format!("{path}.{field}[{at}]"), faults)
            })
            .collect()
        };
        let (included, excluded) = (rules("resourceRules"), rules("excludeResourceRules"));
        let mut selector = |field: &str| {
            let Some(json) = json.get(field) else { return LabelSelector::default() };
            let place = format!("{path}.{field}");
            let read = LabelSelector::read(json, &Path::Property(&Path::Root, &place));
            read.unwrap_or_else(|wrong| {
                faults.extend(wrong);
                LabelSelector::default()
            })
        };
        let (namespaces, objects) = (selector("namespaceSelector"), selector("objectSelector"));
        Self { rules: included, excluded, namespaces, objects }
    }

    /// There is a rule that includes something.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Whether the request is meant.
    pub(crate) fn matches(&self, request: &Admission<'_>) -> bool {
        !self.excluded.iter().any(|rule| rule.matches(request))
            && (self.rules.is_empty() || self.rules.iter().any(|rule| rule.matches(request)))
            && self.selects_namespace(request)
            && self.selects_object(request)
    }

    fn selects_namespace(&self, request: &Admission<'_>) -> bool {
        if self.namespaces.is_empty() {
            return true;
        }
        let is_namespace = request.group.is_empty() && request.resource == "namespaces";
        if is_namespace {
            let object = request.object.or(request.old_object);
            return self.namespaces.selects(object.map_or(&Json::Null, labels));
        }
        request.namespace.is_empty()
            || self.namespaces.selects(request.namespace_object.map_or(&Json::Null, labels))
    }

    fn selects_object(&self, request: &Admission<'_>) -> bool {
        if self.objects.is_empty() {
            return true;
        }
        let mut objects = request.object.into_iter().chain(request.old_object);
        objects.any(|object| self.objects.selects(labels(object)))
    }
}

fn labels(object: &Json) -> &Json {
    &object["metadata"]["labels"]
}

fn strings(json: &Json, field: &str) -> Vec<String> {
    let list = json.get(field).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

impl ResourceRule {
    fn read(json: &Json, path: &str, faults: &mut Vec<FieldError>) -> Self {
        let mut required = |field: &str| {
            let found = strings(json, field);
            if found.is_empty() {
                faults.push(FieldError::required(format!("{path}.{field}"), ""));
            }
            found
        };
        Self {
            groups: required("apiGroups"),
            versions: required("apiVersions"),
            resources: required("resources"),
            operations: required("operations"),
            names: strings(json, "resourceNames"),
            scope: json.get("scope").and_then(Json::as_str).map(str::to_owned),
        }
    }

    fn matches(&self, request: &Admission<'_>) -> bool {
        let among =
            |list: &[String], word: &str| list.iter().any(|entry| entry == "*" || entry == word);
        among(&self.operations, request.operation.word())
            && among(&self.groups, request.group)
            && among(&self.versions, request.version)
            && self.resources.iter().any(|resource| matches_resource(resource, request))
            && (self.names.is_empty() || self.names.iter().any(|name| name == request.name))
            && self.in_scope(request)
    }

    fn in_scope(&self, request: &Admission<'_>) -> bool {
        let is_namespace = request.group.is_empty() && request.resource == "namespaces";
        let namespaced = !request.namespace.is_empty() && !is_namespace;
        match self.scope.as_deref() {
            Some("Namespaced") => namespaced,
            Some("Cluster") => !namespaced,
            _ => true,
        }
    }
}

fn matches_resource(pattern: &str, request: &Admission<'_>) -> bool {
    let (resource, subresource) = pattern.split_once('/').unwrap_or((pattern, ""));
    (resource == "*" || resource == request.resource)
        && (subresource == "*" || subresource == request.subresource)
}
