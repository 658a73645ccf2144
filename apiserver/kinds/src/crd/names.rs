//! The names of a kind.

use std::collections::BTreeSet;

use apiserver_object::FieldError;
use apiserver_object::go_text::quoted;
use apiserver_object::names::label_1035;
use serde_json::{Map, Value};

use crate::reading::Reading;

/// Checks `spec.names` or `status.acceptedNames`; what is empty is not looked at.
pub(super) fn validate(names: &Value, path: &str, faults: &mut Vec<FieldError>) {
    for field in ["plural", "singular"] {
        let name = names.text(&[field]);
        let wrong = label_1035(name);
        if !name.is_empty() && !wrong.is_empty() {
            faults.push(FieldError::invalid(format!("{path}.{field}"), name, wrong.join(",")));
        }
    }
    for field in ["kind", "listKind"] {
        let name = names.text(&[field]);
        let wrong = label_1035(&name.to_lowercase());
        if !name.is_empty() && !wrong.is_empty() {
            let detail =
                format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
            faults.push(FieldError::invalid(format!("{path}.{field}"), name, detail));
        }
    }
    list(names, "shortNames", path, faults);
    let (kind, list_kind) = (names.text(&["kind"]), names.text(&["listKind"]));
    if !kind.is_empty() && kind == list_kind {
        faults.push(FieldError::invalid(
            format!("{path}.listKind"),
            list_kind,
            "kind and listKind may not be the same",
        ));
    }
    list(names, "categories", path, faults);
}

fn list(names: &Value, field: &str, path: &str, faults: &mut Vec<FieldError>) {
    for (at, name) in names.texts(&[field]).into_iter().enumerate() {
        let wrong = label_1035(name);
        if !wrong.is_empty() {
            faults.push(FieldError::invalid(
                format!("{path}.{field}[{at}]"),
                name,
                wrong.join(","),
            ));
        }
    }
}

/// The names of a kind that it may have, and why not all that it asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AcceptedNames {
    /// `status.acceptedNames`.
    pub names: Value,
    /// Reason and message of the condition `NamesAccepted`; `None` where all names are accepted.
    pub conflict: Option<(&'static str, String)>,
}

/// Accepts the names of a definition one by one: each that it had, and each that nobody has. `resources` and `kinds` are
/// the names that are taken in its group; a definition's own accepted names may be among them.
pub fn accept_names(
    crd: &Value,
    resources: &BTreeSet<String>,
    kinds: &BTreeSet<String>,
) -> AcceptedNames {
    let nothing = Value::Null;
    let asked = crd.at(&["spec", "names"]).unwrap_or(&nothing);
    let had = crd.at(&["status", "acceptedNames"]).unwrap_or(&nothing);
    let mut names = had.as_object().cloned().unwrap_or_default();
    let mut conflict = None;
    let in_use = |name: &str| format!("{} is already in use", quoted(name));
    let one = |names: &mut Map<String, Value>,
               conflict: &mut Option<_>,
               field: &str,
               reason,
               taken: &BTreeSet<String>| {
        let name = asked.text(&[field]);
        if name != had.text(&[field]) && taken.contains(name) {
            *conflict = Some((reason, in_use(name)));
        } else if !name.is_empty() {
            names.insert(field.to_owned(), name.into());
        }
    };
    one(&mut names, &mut conflict, "plural", "PluralConflict", resources);
    one(&mut names, &mut conflict, "singular", "SingularConflict", resources);
    let short = had.texts(&["shortNames"]);
    let mut new = asked.texts(&["shortNames"]);
    new.retain(|name| !short.contains(name) && resources.contains(*name));
    match new.as_slice() {
        [] => copy(&mut names, asked, "shortNames"),
        [name] => conflict = Some(("ShortNamesConflict", in_use(name))),
        all => {
            let all: Vec<String> = all.iter().map(|name| in_use(name)).collect();
            conflict = Some(("ShortNamesConflict", format!("[{}]", all.join(", "))));
        }
    }
    one(&mut names, &mut conflict, "kind", "KindConflict", kinds);
    one(&mut names, &mut conflict, "listKind", "ListKindConflict", kinds);
    copy(&mut names, asked, "categories");
    for always in ["plural", "kind"] {
        names.entry(always).or_insert_with(|| "".into());
    }
    AcceptedNames { names: Value::Object(names), conflict }
}

fn copy(names: &mut Map<String, Value>, asked: &Value, field: &str) {
    match asked.at(&[field]) {
        Some(list) => drop(names.insert(field.to_owned(), list.clone())),
        None => drop(names.remove(field)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_name_is_accepted_by_itself() {
        let set =
            |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let crd = json!({"spec": {"names": {"plural": "others", "singular": "other", "kind": "Thing", "listKind": "ThingList"}}});
        let accepted =
            accept_names(&crd, &set(&["things", "thing"]), &set(&["Thing", "ThingList"]));
        assert_eq!(accepted.names, json!({"plural": "others", "singular": "other", "kind": ""}));
        assert_eq!(
            accepted.conflict,
            Some(("ListKindConflict", "\"ThingList\" is already in use".to_owned()))
        );
        let free = accept_names(&crd, &set(&[]), &set(&[]));
        assert_eq!((free.names, free.conflict), (crd["spec"]["names"].clone(), None));
    }

    #[test]
    fn a_name_that_was_accepted_stays_so() {
        let names = json!({"plural": "things", "kind": "Thing", "shortNames": ["t"]});
        let crd = json!({"spec": {"names": names}, "status": {"acceptedNames": names}});
        let taken = ["things", "Thing", "t"].map(str::to_owned).into_iter().collect();
        assert_eq!(accept_names(&crd, &taken, &taken), AcceptedNames { names, conflict: None });
    }
}
