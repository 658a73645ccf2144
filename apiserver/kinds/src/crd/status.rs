//! The status that says that a kind is served.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::names::AcceptedNames;
use crate::reading::Reading;

/// The status of a definition that has been created or changed: accepted names, stored versions and the conditions
/// `NamesAccepted` and `Established`. With a name that another kind of the group has it is not established, unless it
/// was before.
pub fn crd_status(crd: &Value, accepted: &AcceptedNames, now: Timestamp) -> Value {
    let conflict = accepted.conflict.as_ref();
    let was_established =
        condition(crd, "Established").is_some_and(|was| was.text(&["status"]) == "True");
    let names = match conflict {
        None => ("True", "NoConflicts", "no conflicts found"),
        Some((reason, said)) => ("False", *reason, said.as_str()),
    };
    let established = match conflict {
        Some(_) if !was_established => ("False", "NotAccepted", "not all names are accepted"),
        _ => ("True", "InitialNamesAccepted", "the initial names have been accepted"),
    };
    let mut conditions = crd.entries(&["status", "conditions"]).to_vec();
    set(&mut conditions, "NamesAccepted", names, now);
    set(&mut conditions, "Established", established, now);
    json!({"acceptedNames": accepted.names, "conditions": conditions, "storedVersions": stored_versions(crd)})
}

fn condition<'a>(crd: &'a Value, kind: &str) -> Option<&'a Value> {
    crd.entries(&["status", "conditions"])
        .iter()
        .find(|condition| condition.text(&["type"]) == kind)
}

/// Writes a condition; its time changes only with its status.
fn set(
    conditions: &mut Vec<Value>,
    kind: &str,
    (status, reason, message): (&str, &str, &str),
    now: Timestamp,
) {
    let at = conditions.iter().position(|condition| condition.text(&["type"]) == kind);
    let before = at
        .and_then(|at| conditions.get(at))
        .filter(|condition| condition.text(&["status"]) == status);
    let since = before.map(|condition| condition.text(&["lastTransitionTime"]).to_owned());
    let since = since.unwrap_or_else(|| crate::time::seconds(now));
    let condition = json!({"lastTransitionTime": since, "message": message, "reason": reason, "status": status, "type": kind});
    match at.and_then(|at| conditions.get_mut(at)) {
        Some(slot) => *slot = condition,
        None => conditions.push(condition),
    }
}

/// The versions in which objects may be stored: those of before and today's storage version.
pub(crate) fn stored_versions(crd: &Value) -> Vec<String> {
    let mut stored: Vec<String> =
        crd.texts(&["status", "storedVersions"]).into_iter().map(str::to_owned).collect();
    let versions = crd.entries(&["spec", "versions"]);
    let storage = versions
        .iter()
        .find(|version| version.flag(&["storage"]))
        .map(|version| version.text(&["name"]));
    if let Some(storage) =
        storage.filter(|storage| !stored.iter().any(|version| version == storage))
    {
        stored.push(storage.to_owned());
    }
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_without_conflict_is_established() {
        let crd = json!({"spec": {"names": {"plural": "widgets", "kind": "Widget"}, "versions": [{"name": "v1", "storage": true}]}});
        let accepted = AcceptedNames { names: crd["spec"]["names"].clone(), conflict: None };
        let status = crd_status(&crd, &accepted, Timestamp::UNIX_EPOCH);
        assert_eq!(status["acceptedNames"], crd["spec"]["names"]);
        assert_eq!(status["storedVersions"], json!(["v1"]));
        let said: Vec<&str> =
            status["conditions"].as_array().unwrap().iter().map(|c| c.text(&["reason"])).collect();
        assert_eq!(said, ["NoConflicts", "InitialNamesAccepted"]);
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let mut crd = json!({"spec": {"names": {}, "versions": []}});
        let mut accepted = AcceptedNames::default();
        crd["status"] = crd_status(&crd, &accepted, Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(60).unwrap();
        assert_eq!(crd_status(&crd, &accepted, later), crd["status"]);
        accepted.conflict = Some(("PluralConflict", "\"widgets\" is already in use".to_owned()));
        let conflict = crd_status(&crd, &accepted, later);
        assert_eq!(conflict["conditions"][0]["lastTransitionTime"], "1970-01-01T00:01:00Z");
        assert_eq!(conflict["conditions"][1]["status"], "True");
    }
}
