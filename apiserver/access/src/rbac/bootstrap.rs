//! The roles and bindings that a fresh server has.

use serde_json::Value;

use super::aggregation::aggregated_rules;

/// Facts from a kube-apiserver 1.37.2, without the roles that nodes and controllers need.
const OBJECTS: &str = include_str!("bootstrap.json");

/// The ClusterRoles and ClusterRoleBindings that a fresh server creates, with names, labels, annotations and rules
/// of the real server; `admin`, `edit` and `view` have the rules that aggregation gives them.
pub fn bootstrap() -> Vec<Value> {
    let mut objects: Vec<Value> = serde_json::from_str(OBJECTS).unwrap_or_default();
    let aggregated =
        aggregated_rules(objects.iter().filter(|object| object["kind"] == "ClusterRole"));
    for (name, rules) in aggregated {
        let roles = objects.iter_mut().filter(|object| object["kind"] == "ClusterRole");
        for role in roles.filter(|role| role["metadata"]["name"] == *name) {
            role["rules"] = Value::Array(rules.clone());
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_server_has_the_default_roles_with_their_marks() {
        let objects = bootstrap();
        assert_eq!(objects.iter().filter(|object| object["kind"] == "ClusterRole").count(), 13);
        assert_eq!(
            objects.iter().filter(|object| object["kind"] == "ClusterRoleBinding").count(),
            6
        );
        for object in &objects {
            let metadata = &object["metadata"];
            assert_eq!(metadata["labels"]["kubernetes.io/bootstrapping"], "rbac-defaults");
            assert_eq!(
                metadata["annotations"]["rbac.authorization.kubernetes.io/autoupdate"],
                "true"
            );
            assert!(
                object["kind"] != "ClusterRole" || !object["rules"].as_array().unwrap().is_empty(),
                "{metadata}"
            );
        }
    }

    #[test]
    fn admin_holds_what_edit_and_view_hold() {
        let objects = bootstrap();
        let rules = |name: &str| {
            let role = objects.iter().find(|object| object["metadata"]["name"] == name).unwrap();
            role["rules"].as_array().unwrap().clone()
        };
        let (admin, edit, view) = (rules("admin"), rules("edit"), rules("view"));
        assert!(view.iter().all(|rule| edit.contains(rule)));
        assert!(edit.iter().all(|rule| admin.contains(rule)));
        assert!(admin.len() > edit.len() && edit.len() > view.len());
    }
}
