//! Text forms of labels, selectors and lists in cells.

use apiserver_object::{LabelSelector, Path};
use serde_json::Value;

use crate::reading::Reading;

pub(super) const NONE: &str = "<none>";

/// `text`, or `<none>` if it is empty.
pub(super) fn or_none(text: &str) -> String {
    if text.is_empty() { NONE.to_owned() } else { text.to_owned() }
}

/// `a=b,c=d`; `<none>` without labels.
pub(super) fn labels(labels: Option<&Value>) -> String {
    let mut pairs: Vec<String> = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort_unstable();
    or_none(&pairs.join(","))
}

/// A `LabelSelector` object as text: `a=b,c in (d,e),!f`; empty if it selects everything. So it is shown in tables and
/// in `status.selector` of the subresource `scale`.
pub fn selector_text(selector: Option<&Value>) -> String {
    let read = selector.and_then(|selector| LabelSelector::read(selector, &Path::Root).ok());
    read.unwrap_or_default().to_string()
}

/// The first three entries, and how many there are besides.
pub(super) fn first_three(entries: &[String]) -> String {
    let shown = entries.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(",");
    match entries.len() {
        0 => "<unset>".to_owned(),
        1..=3 => shown,
        all => format!("{shown} + {} more...", all - 3),
    }
}

/// Names and images of containers.
pub(super) fn containers(containers: &[Value]) -> (String, String) {
    let list = |field: &str| {
        let texts = containers.iter().map(|container| container.text(&[field]));
        texts.collect::<Vec<_>>().join(",")
    };
    (list("name"), list("image"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_is_sorted_by_key() {
        let written = json!({"matchLabels": {"z": "1", "a": "2"}, "matchExpressions": [
            {"key": "c", "operator": "In", "values": ["y", "x"]}, {"key": "b", "operator": "DoesNotExist"},
            {"key": "d", "operator": "Exists"}, {"key": "e", "operator": "NotIn", "values": ["v"]}]});
        assert_eq!(selector_text(Some(&written)), "a=2,!b,c in (x,y),d,e notin (v),z=1");
    }

    #[test]
    fn a_long_list_is_cut() {
        let entries: Vec<String> = (1..=5).map(|number| number.to_string()).collect();
        assert_eq!(first_three(&entries), "1,2,3 + 2 more...");
    }
}
