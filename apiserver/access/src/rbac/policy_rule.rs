//! One rule of a role: what it allows and what it covers.

use apiserver_object::{Attributes, ResourceAttributes, go_text::quoted_list};
use serde_json::{Map, Value, json};

const ALL: &str = "*";

/// A rule of a Role or ClusterRole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PolicyRule {
    pub(super) verbs: Vec<Box<str>>,
    pub(super) groups: Vec<Box<str>>,
    pub(super) resources: Vec<Box<str>>,
    pub(super) names: Vec<Box<str>>,
    pub(super) urls: Vec<Box<str>>,
}

/// The strings of a JSON array; anything else counts as empty.
pub(super) fn strings(value: &Value) -> Vec<Box<str>> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(Box::from).collect()
}

impl PolicyRule {
    pub(super) fn of(rule: &Value) -> Self {
        Self {
            verbs: strings(&rule["verbs"]),
            groups: strings(&rule["apiGroups"]),
            resources: strings(&rule["resources"]),
            names: strings(&rule["resourceNames"]),
            urls: strings(&rule["nonResourceURLs"]),
        }
    }

    /// The rules of a role object.
    pub(super) fn all_of(role: &Value) -> Vec<Self> {
        role["rules"].as_array().into_iter().flatten().map(Self::of).collect()
    }

    pub(super) fn to_value(&self) -> Value {
        let mut rule = Map::new();
        rule.insert("verbs".to_owned(), json!(self.verbs));
        let lists = [
            ("apiGroups", &self.groups),
            ("resources", &self.resources),
            ("resourceNames", &self.names),
            ("nonResourceURLs", &self.urls),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            rule.insert(name.to_owned(), json!(list));
        }
        Value::Object(rule)
    }

    /// Whether the rule allows the request.
    pub(super) fn allows(&self, attributes: &Attributes<'_>) -> bool {
        match attributes {
            Attributes::Resource(attributes) => self.allows_resource(attributes),
            Attributes::NonResource(attributes) => {
                has_or_all(&self.verbs, &attributes.verb)
                    && self.urls.iter().any(|url| url_covers(url, &attributes.path))
            }
        }
    }

    fn allows_resource(&self, attributes: &ResourceAttributes<'_>) -> bool {
        let ResourceAttributes { verb, group, resource, subresource, name, .. } = attributes;
        has_or_all(&self.verbs, verb)
            && has_or_all(&self.groups, group)
            && self.resources.iter().any(|own| is_resource(own, resource, subresource))
            && (self.names.is_empty() || has(&self.names, name))
    }

    /// Whether this rule allows all that `part` (one verb on one thing) allows.
    pub(super) fn covers(&self, part: &Self) -> bool {
        (has(&self.verbs, ALL) || has_each(&self.verbs, &part.verbs))
            && (has(&self.groups, ALL) || has_each(&self.groups, &part.groups))
            && (has(&self.resources, ALL)
                || part.resources.iter().all(|resource| self.covers_resource(resource)))
            && part.urls.iter().all(|url| self.urls.iter().any(|own| url_covers(own, url)))
            && (self.names.is_empty()
                || (!part.names.is_empty() && has_each(&self.names, &part.names)))
    }

    fn covers_resource(&self, resource: &str) -> bool {
        has(&self.resources, resource)
            || resource.split_once('/').is_some_and(|(_, subresource)| {
                self.resources.iter().any(|own| is_every_resource_with(own, subresource))
            })
    }

    /// The rule as rules of one verb on one thing each.
    pub(super) fn parts(&self) -> Vec<Self> {
        let one = |text: &str| vec![Box::from(text)];
        let mut parts = Vec::new();
        for (group, resource) in
            self.groups.iter().flat_map(|group| self.resources.iter().map(move |own| (group, own)))
        {
            for verb in &self.verbs {
                let part = Self {
                    verbs: one(verb),
                    groups: one(group),
                    resources: one(resource),
                    ..Self::default()
                };
                if self.names.is_empty() {
                    parts.push(part);
                } else {
                    parts.extend(
                        self.names.iter().map(|name| Self { names: one(name), ..part.clone() }),
                    );
                }
            }
        }
        for url in &self.urls {
            parts.extend(self.verbs.iter().map(|verb| Self {
                verbs: one(verb),
                urls: one(url),
                ..Self::default()
            }));
        }
        parts
    }

    /// The rule as messages of the real server show it: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`.
    pub(super) fn compact_text(&self) -> String {
        let lists = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let shown = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let texts: Vec<String> =
            shown.map(|(name, list)| format!("{name}:{}", quoted_list(list))).collect();
        format!("{{{}}}", texts.join(", "))
    }
}

fn has(list: &[Box<str>], wanted: &str) -> bool {
    list.iter().any(|own| **own == *wanted)
}

fn has_or_all(list: &[Box<str>], wanted: &str) -> bool {
    list.iter().any(|own| **own == *wanted || **own == *ALL)
}

fn has_each(list: &[Box<str>], wanted: &[Box<str>]) -> bool {
    wanted.iter().all(|wanted| has(list, wanted))
}

/// `*`, `pods`, `pods/log` or `*/log`; `pods/*` means nothing to the real server.
fn is_resource(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == ALL {
        return true;
    }
    if subresource.is_empty() {
        return rule == resource;
    }
    let exact =
        rule.strip_prefix(resource).and_then(|rest| rest.strip_prefix('/')) == Some(subresource);
    exact || is_every_resource_with(rule, subresource)
}

fn is_every_resource_with(rule: &str, subresource: &str) -> bool {
    rule.strip_prefix("*/") == Some(subresource)
}

/// Equal, or under a rule that ends in `*`.
fn url_covers(rule: &str, path: &str) -> bool {
    rule == path || (rule.ends_with('*') && path.starts_with(rule.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(value: impl Into<Value>) -> PolicyRule {
        PolicyRule::of(&value.into())
    }

    #[test]
    fn a_subresource_is_only_matched_by_its_own_name_or_by_a_star_before_it() {
        for (own, resource, subresource, expected) in [
            ("pods", "pods", "", true),
            ("pods", "pods", "log", false),
            ("pods/log", "pods", "log", true),
            ("pods/log", "pods", "", false),
            ("*/scale", "deployments", "scale", true),
            ("*/scale", "deployments", "", false),
            ("*/scale", "deployments", "status", false),
            ("pods/*", "pods", "log", false),
            ("*", "pods", "log", true),
            ("*/*", "pods", "log", false),
        ] {
            assert_eq!(
                is_resource(own, resource, subresource),
                expected,
                "{own} {resource}/{subresource}"
            );
        }
    }

    #[test]
    fn a_path_is_matched_by_its_beginning_where_the_rule_ends_in_a_star() {
        for (own, path, expected) in [
            ("*", "/x", true),
            ("/api", "/api", true),
            ("/api", "/api/v1", false),
            ("/api/*", "/api/v1", true),
            ("/api/*", "/api", false),
            ("/api*", "/apis", true),
            ("/api/**", "/api/v1", true),
            ("/*/v1", "/api/v1", false),
        ] {
            assert_eq!(url_covers(own, path), expected, "{own} {path}");
        }
    }

    #[test]
    fn a_rule_covers_what_is_narrower_and_nothing_else() {
        let own = rule(
            json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments", "*/scale"]}),
        );
        let part = json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"]});
        let with = |change: Value| {
            let mut part = part.clone();
            part.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            own.covers(&rule(part))
        };
        assert!(with(json!({})));
        assert!(with(json!({"resourceNames": ["x"]})));
        assert!(with(json!({"resources": ["statefulsets/scale"]})));
        assert!(!with(json!({"verbs": ["*"]})));
        assert!(!with(json!({"apiGroups": [""]})));
        assert!(!with(json!({"resources": ["statefulsets"]})));
        let named = rule(
            json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["x"]}),
        );
        assert!(!named.covers(&rule(part)));
    }

    #[test]
    fn a_rule_falls_into_parts_of_one_verb_each() {
        let parts = rule(
            json!({"verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["a", "b"]}),
        )
        .parts();
        assert_eq!(parts.len(), 8);
        let parts =
            rule(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["a"], "resourceNames": ["x", "y"]})).parts();
        assert_eq!(
            parts[1].compact_text(),
            r#"{APIGroups:[""], Resources:["a"], ResourceNames:["y"], Verbs:["get"]}"#
        );
        let parts = rule(json!({"verbs": ["get", "post"], "nonResourceURLs": ["/x"]})).parts();
        assert_eq!(parts[1].compact_text(), r#"{NonResourceURLs:["/x"], Verbs:["post"]}"#);
    }
}
