//! Which requests a policy or binding is about (`MatchResources`).

use std::collections::BTreeMap;

use apiserver_schema::{Fault, FieldError};
use serde_json::{Map, Value as Json};

use crate::admission::Admission;

/// `matchConstraints` of a policy, `matchResources` of a binding. The default matches everything.
#[derive(Debug, Default)]
pub(crate) struct MatchResources {
    rules: Vec<ResourceRule>,
    excluded: Vec<ResourceRule>,
    namespaces: Selector,
    objects: Selector,
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

/// A label selector; empty selects everything.
#[derive(Debug, Default)]
struct Selector {
    equal: BTreeMap<String, String>,
    terms: Vec<(String, Test)>,
}

#[derive(Debug)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
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
            json.get(field).map_or_else(Selector::default, |json| {
                Selector::read(json, &format!("{path}.{field}"), faults)
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
            return self.namespaces.selects(object.and_then(labels));
        }
        request.namespace.is_empty()
            || self.namespaces.selects(request.namespace_object.and_then(labels))
    }

    fn selects_object(&self, request: &Admission<'_>) -> bool {
        if self.objects.is_empty() {
            return true;
        }
        let mut objects = request.object.into_iter().chain(request.old_object);
        objects.any(|object| self.objects.selects(labels(object)))
    }
}

fn labels(object: &Json) -> Option<&Map<String, Json>> {
    object.get("metadata")?.get("labels")?.as_object()
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
                faults.push(FieldError::new(Fault::Required, format!("{path}.{field}"), ""));
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

impl Selector {
    fn read(json: &Json, path: &str, faults: &mut Vec<FieldError>) -> Self {
        let equal = json.get("matchLabels").and_then(Json::as_object).into_iter().flatten();
        let equal = equal
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let mut terms = Vec::new();
        let expressions =
            json.get("matchExpressions").and_then(Json::as_array).into_iter().flatten();
        for (at, term) in expressions.enumerate() {
            let key = term.get("key").and_then(Json::as_str).unwrap_or_default();
            let values = strings(term, "values");
            let test = match term.get("operator").and_then(Json::as_str).unwrap_or_default() {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::Absent,
                other => {
                    let field = format!("{path}.matchExpressions[{at}].operator");
                    let fault =
                        FieldError::new(Fault::Invalid, field, "not a valid selector operator");
                    faults.push(fault.with_value(Json::from(other)));
                    continue;
                }
            };
            terms.push((key.to_owned(), test));
        }
        Self { equal, terms }
    }

    fn is_empty(&self) -> bool {
        self.equal.is_empty() && self.terms.is_empty()
    }

    fn selects(&self, labels: Option<&Map<String, Json>>) -> bool {
        let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Json::as_str);
        let among = |values: &[String], label: &str| values.iter().any(|value| value == label);
        self.equal.iter().all(|(key, value)| label(key) == Some(value))
            && self.terms.iter().all(|(key, test)| match test {
                Test::In(values) => label(key).is_some_and(|label| among(values, label)),
                Test::NotIn(values) => label(key).is_none_or(|label| !among(values, label)),
                Test::Exists => label(key).is_some(),
                Test::Absent => label(key).is_none(),
            })
    }
}
