//! Nobody may grant what they do not hold.

use std::collections::{BTreeMap, BTreeSet};

use apiserver_object::User;
use apiserver_object::go_text::{quoted, quoted_list};
use serde_json::{Value, json};

use super::index::Rbac;
use super::policy_rule::PolicyRule;

/// Message for a user who may not write an `aggregationRule`: see [`Rbac::holds_everything`].
pub const AGGREGATION_FORBIDDEN: &str =
    "must have cluster-admin privileges to use the aggregationRule";

impl Rbac {
    /// What the rules would grant beyond what the user holds in the namespace (empty for cluster scope); each text is
    /// one rule as the real server shows it, in order. Empty for members of `system:masters`. Whether the user holds
    /// `escalate` or `bind`, which makes this question moot, the caller asks of
    /// [`Rbac`] as of any authorizer.
    pub fn uncovered(&self, user: &User, namespace: &str, rules: &[Value]) -> Vec<String> {
        if user.is_master() {
            return Vec::new();
        }
        let held = self.held_rules(user, namespace);
        let parts = rules.iter().flat_map(|rule| PolicyRule::of(rule).parts());
        let missing = parts.filter(|part| !held.iter().any(|own| own.covers(part))).collect();
        let texts: BTreeSet<String> =
            compacted(missing).iter().map(PolicyRule::compact_text).collect();
        texts.into_iter().collect()
    }

    /// The message of the refusal, if the rules would grant more than the user holds. The status is `Forbidden`, and
    /// its message `clusterroles.rbac.authorization.k8s.io "NAME" is forbidden: ` and this.
    pub fn escalation(&self, user: &User, namespace: &str, rules: &[Value]) -> Option<String> {
        let uncovered = self.uncovered(user, namespace, rules);
        if uncovered.is_empty() {
            return None;
        }
        let mut message = escalation_message(user, &uncovered);
        if let Some(error) = self.resolution_error(user, namespace) {
            message.push_str("; resolution errors: [");
            message.push_str(&error);
            message.push(']');
        }
        Some(message)
    }

    /// Whether the user holds every verb on everything, which writing an `aggregationRule` takes.
    pub fn holds_everything(&self, user: &User) -> bool {
        let everything = [
            json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
            json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
        ];
        self.uncovered(user, "", &everything).is_empty()
    }
}

/// `user "u" (groups=["g"]) is attempting to grant RBAC permissions not currently held:` and a line for each rule.
pub fn escalation_message(user: &User, uncovered: &[String]) -> String {
    format!(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        quoted(&user.name),
        quoted_list(&user.groups),
        uncovered.join("\n")
    )
}

/// Parts for the same thing become one rule with all their verbs.
fn compacted(parts: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut compacted = Vec::new();
    let mut places = BTreeMap::new();
    for part in parts {
        let ([group], [resource]) = (part.groups.as_slice(), part.resources.as_slice()) else {
            compacted.push(part);
            continue;
        };
        let place = *places
            .entry((group.clone(), resource.clone(), part.names.first().cloned()))
            .or_insert(compacted.len());
        match compacted.get_mut(place) {
            Some(rule) => rule.verbs.extend(part.verbs),
            None => compacted.push(part),
        }
    }
    compacted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rbac() -> Rbac {
        let role = json!({"metadata": {"name": "reader"},
            "rules": [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]});
        let binding = |name: &str, role: &str| {
            json!({"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "User", "name": name}]})
        };
        let admin = json!({"metadata": {"name": "admin"}, "rules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        Rbac::build(
            &[role, admin],
            &[binding("u", "reader"), binding("root", "admin"), binding("u", "gone")],
            &[],
            &[],
        )
    }

    #[test]
    fn what_is_not_held_is_named_in_the_real_servers_words() {
        let user = User::authenticated("u", vec!["g".to_owned()]);
        let rules = [
            json!({"verbs": ["get", "delete", "list"], "apiGroups": [""], "resources": ["pods", "secrets"]}),
            json!({"verbs": ["get"], "nonResourceURLs": ["/x"]}),
        ];
        let message = rbac().escalation(&user, "", &rules).unwrap();
        assert_eq!(
            message,
            "user \"u\" (groups=[\"g\" \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
             {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}\n\
             {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\" \"list\"]}\n\
             {NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}\
             ; resolution errors: [clusterrole.rbac.authorization.k8s.io \"gone\" not found]"
        );
    }

    #[test]
    fn what_is_held_may_be_granted() {
        let user = User::authenticated("u", Vec::new());
        let rules = [
            json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"]}),
        ];
        assert!(rbac().uncovered(&user, "n", &rules).is_empty());
    }

    #[test]
    fn an_aggregation_rule_takes_everything() {
        let user = |name: &str, groups: &[&str]| {
            User::authenticated(name, groups.iter().map(|group| (*group).to_owned()).collect())
        };
        assert!(rbac().holds_everything(&user("root", &[])));
        assert!(rbac().holds_everything(&user("x", &["system:masters"])));
        assert!(!rbac().holds_everything(&user("u", &[])));
    }
}
