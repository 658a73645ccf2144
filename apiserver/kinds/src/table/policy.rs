//! Cells of what rules over others: roles, budgets, quotas, admission policies, definitions.

use serde_json::Value;

use super::form::selector_text;
use super::row::Row;
use crate::reading::Reading;

impl Row<'_> {
    pub(super) fn disruption_budget(&self) -> Vec<Value> {
        let amount = |field: &str| match self.object.at(&["spec", field]) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "N/A".to_owned(),
        };
        let allowed = self.object.integer(&["status", "disruptionsAllowed"]).unwrap_or(0);
        vec![
            self.name(),
            amount("minAvailable").into(),
            amount("maxUnavailable").into(),
            allowed.into(),
            self.age(),
        ]
    }

    pub(super) fn quota(&self) -> Vec<Value> {
        let mut columns = [Vec::new(), Vec::new()];
        for (name, hard) in self.object.fields(&["status", "hard"]).into_iter().flatten() {
            let used = match self.object.text(&["status", "used", name]) {
                "" => "0",
                used => used,
            };
            let limit = format!("{name}: {used}/{}", hard.as_str().unwrap_or_default());
            columns[usize::from(name.starts_with("limits."))].push(limit);
        }
        let [request, limit] = columns.map(|column| Value::from(column.join(", ")));
        vec![self.name(), request, limit, self.age()]
    }

    pub(super) fn binding(&self) -> Vec<Value> {
        let object = self.object;
        let role =
            format!("{}/{}", object.text(&["roleRef", "kind"]), object.text(&["roleRef", "name"]));
        let subjects = |kind: &str| -> Value {
            let of_kind = object
                .entries(&["subjects"])
                .iter()
                .filter(|subject| subject.text(&["kind"]) == kind);
            let name = |subject: &Value| match kind {
                "ServiceAccount" => {
                    format!("{}/{}", subject.text(&["namespace"]), subject.text(&["name"]))
                }
                _ => subject.text(&["name"]).to_owned(),
            };
            of_kind.map(name).collect::<Vec<_>>().join(", ").into()
        };
        let [users, groups, accounts] = ["User", "Group", "ServiceAccount"].map(subjects);
        vec![self.name(), role.into(), self.age(), users, groups, accounts]
    }

    /// A policy, with the number of `parts` that it has.
    pub(super) fn admission_policy(&self, parts: &str) -> Vec<Value> {
        let parts = self.object.entries(&["spec", parts]).len();
        let kind = self.object.at(&["spec", "paramKind"]);
        let kind =
            kind.map(|kind| format!("{}/{}", kind.text(&["apiVersion"]), kind.text(&["kind"])));
        vec![
            self.name(),
            parts.into(),
            kind.unwrap_or_else(|| "<unset>".to_owned()).into(),
            self.age(),
        ]
    }

    pub(super) fn admission_binding(&self) -> Vec<Value> {
        let reference = self.object.at(&["spec", "paramRef"]).unwrap_or(&Value::Null);
        let parameter = match (reference.text(&["name"]), reference.text(&["namespace"])) {
            ("", _) if reference.at(&["selector"]).is_some() => {
                selector_text(reference.at(&["selector"]))
            }
            ("", _) => "<unset>".to_owned(),
            (name, "") => format!("*/{name}"),
            (name, namespace) => format!("{namespace}/{name}"),
        };
        vec![self.name(), self.cell(&["spec", "policyName"]), parameter.into(), self.age()]
    }

    pub(super) fn definition(&self) -> Vec<Value> {
        let version = |version: &Value| {
            let name = version.text(&["name"]);
            if version.flag(&["storage"]) { format!("{name}(storage)") } else { name.to_owned() }
        };
        let versions: Vec<String> =
            self.object.entries(&["spec", "versions"]).iter().map(version).collect();
        let conditions = self.object.entries(&["status", "conditions"]).iter();
        let established = conditions
            .filter(|condition| condition.text(&["type"]) == "Established")
            .any(|condition| condition.text(&["status"]) == "True");
        vec![
            self.name(),
            self.cell(&["spec", "scope"]),
            versions.join(",").into(),
            self.cell(&["metadata", "creationTimestamp"]),
            self.cell(&["spec", "group"]),
            self.cell(&["spec", "names", "kind"]),
            self.object.texts(&["spec", "names", "shortNames"]).join(",").into(),
            established.into(),
        ]
    }
}
