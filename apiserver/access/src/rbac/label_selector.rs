//! Label selectors of aggregated ClusterRoles.

use serde_json::Value;

use super::policy_rule::strings;

/// Whether a `metav1.LabelSelector` selects the labels. An empty one selects everything, a wrong one nothing.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    equal.into_iter().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().all(|expression| holds(expression, labels))
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let label = expression["key"].as_str().and_then(|key| labels.get(key)).and_then(Value::as_str);
    let among = |label: &str| strings(&expression["values"]).iter().any(|value| **value == *label);
    match expression["operator"].as_str() {
        Some("In") => label.is_some_and(among),
        Some("NotIn") => !label.is_some_and(among),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_selects_by_all_that_it_says() {
        let labels = json!({"a": "1", "b": "2"});
        let expression = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"a": "1"}}), true),
            (json!({"matchLabels": {"a": "1", "b": "1"}}), false),
            (json!({"matchLabels": {"c": "1"}}), false),
            (expression("a", "In", &["1", "2"]), true),
            (expression("a", "In", &["2"]), false),
            (expression("c", "In", &["2"]), false),
            (expression("c", "NotIn", &["2"]), true),
            (expression("b", "NotIn", &["2"]), false),
            (expression("a", "Exists", &[]), true),
            (expression("a", "DoesNotExist", &[]), false),
            (expression("c", "DoesNotExist", &[]), true),
            (expression("a", "Like", &[]), false),
        ] {
            assert_eq!(selects(&selector, &labels), expected, "{selector}");
        }
        assert!(!selects(&json!({"matchLabels": {"a": "1"}}), &Value::Null));
    }
}
