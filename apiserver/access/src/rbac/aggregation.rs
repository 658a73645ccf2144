//! Rules of aggregated ClusterRoles: the union of the rules of those that their selectors select.

use std::collections::BTreeMap;

use apiserver_object::{LabelSelector, Path};
use serde_json::Value;

use super::policy_rule::PolicyRule;

/// The rules that aggregation gives to ClusterRoles with an `aggregationRule`, for those whose `rules` differ: what
/// the real cluster's controller writes into them.
pub fn aggregated_rules<'a>(
    cluster_roles: impl IntoIterator<Item = &'a Value>,
) -> Vec<(String, Vec<Value>)> {
    let roles: Vec<&Value> = cluster_roles.into_iter().collect();
    let mut effective = effective_rules(&roles);
    let changed = roles.into_iter().filter(|role| is_aggregated(role)).filter_map(|role| {
        let name = name_of(role);
        let rules = effective.remove(name)?;
        (rules != PolicyRule::all_of(role)).then(|| (name.to_owned(), values(&rules)))
    });
    changed.collect()
}

fn values(rules: &[PolicyRule]) -> Vec<Value> {
    rules.iter().map(PolicyRule::to_value).collect()
}

pub(super) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn selectors(role: &Value) -> &[Value] {
    role["aggregationRule"]["clusterRoleSelectors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn is_aggregated(role: &Value) -> bool {
    !selectors(role).is_empty()
}

/// The rules of every ClusterRole by name, aggregation done. What an aggregated role's own `rules` say does not count.
pub(super) fn effective_rules<'a>(roles: &[&'a Value]) -> BTreeMap<&'a str, Vec<PolicyRule>> {
    let mut rules: BTreeMap<&str, Vec<PolicyRule>> = roles
        .iter()
        .map(|role| {
            (name_of(role), if is_aggregated(role) { Vec::new() } else { PolicyRule::all_of(role) })
        })
        .collect();
    let members: Vec<(&str, Vec<&str>)> = roles
        .iter()
        .filter(|role| is_aggregated(role))
        .map(|role| (name_of(role), members(role, roles)))
        .collect();
    // Aggregated roles may select one another. Rules are only ever added, so this ends.
    let mut changed = true;
    while changed {
        changed = false;
        for (name, members) in &members {
            let union = union(members, &rules);
            if rules.get(name).is_none_or(|known| known.len() < union.len()) {
                rules.insert(name, union);
                changed = true;
            }
        }
    }
    rules
}

/// Names of the roles that an aggregated role selects: selector by selector, by name, never itself.
fn members<'a>(role: &Value, roles: &[&'a Value]) -> Vec<&'a str> {
    let mut members = Vec::new();
    // A selector that cannot be read selects nothing.
    let selectors = selectors(role).iter();
    for selector in selectors.filter_map(|own| LabelSelector::read(own, &Path::Root).ok()) {
        let chosen = roles.iter().filter(|other| selector.selects(&other["metadata"]["labels"]));
        let mut names: Vec<&str> =
            chosen.map(|other| name_of(other)).filter(|name| *name != name_of(role)).collect();
        names.sort_unstable();
        members.extend(names);
    }
    members
}

fn union(members: &[&str], rules: &BTreeMap<&str, Vec<PolicyRule>>) -> Vec<PolicyRule> {
    let mut union: Vec<PolicyRule> = Vec::new();
    for rule in members.iter().filter_map(|name| rules.get(name)).flatten() {
        if !union.contains(rule) {
            union.push(rule.clone());
        }
    }
    union
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(name: &str, label: &str, verb: &str) -> Value {
        json!({"metadata": {"name": name, "labels": {label: "true"}}, "rules": [rule(verb)]})
    }

    fn rule(verb: &str) -> Value {
        json!({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]})
    }

    fn aggregate(name: &str, label: &str, selected: &str) -> Value {
        json!({
            "metadata": {"name": name, "labels": {label: "true"}},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {selected: "true"}}]},
            "rules": [rule("stale")],
        })
    }

    #[test]
    fn an_aggregated_role_has_the_rules_of_what_it_selects_and_not_its_own() {
        let roles = [
            plain("b", "view", "get"),
            plain("a", "view", "list"),
            plain("c", "edit", "update"),
            aggregate("edit", "none", "edit"),
            aggregate("view", "edit", "view"),
        ];
        let found = aggregated_rules(&roles);
        assert_eq!(found[0], ("edit".to_owned(), vec![rule("update"), rule("list"), rule("get")]));
        assert_eq!(found[1], ("view".to_owned(), vec![rule("list"), rule("get")]));
    }

    #[test]
    fn roles_that_select_one_another_come_to_an_end() {
        let roles = [
            aggregate("x", "to-y", "to-x"),
            aggregate("y", "to-x", "to-y"),
            plain("p", "to-x", "get"),
        ];
        let found = aggregated_rules(&roles);
        assert!(found.iter().all(|(_, rules)| *rules == [rule("get")]), "{found:?}");
    }

    #[test]
    fn a_role_that_has_its_rules_already_is_not_named() {
        let mut view = aggregate("view", "none", "view");
        view["rules"] = json!([rule("get")]);
        assert!(aggregated_rules(&[plain("a", "view", "get"), view]).is_empty());
    }
}
