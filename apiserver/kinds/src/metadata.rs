//! What an object's metadata must look like (`ObjectMeta` of the API conventions).

use apiserver_object::{FieldError, go_text, names};
use serde_json::{Value, json};

use crate::kind::NameRule;
use crate::names::object_name;
use crate::reading::Reading;

/// Most bytes in all keys and values of an object's annotations.
const ANNOTATIONS: usize = 256 * 1024;
/// What an immutable field says when it was changed.
pub(crate) const IMMUTABLE: &str = "field is immutable";

/// A field that may not change, changed.
pub(crate) fn immutable(
    field: &str,
    new: Option<&Value>,
    old: Option<&Value>,
) -> Option<FieldError> {
    (new != old).then(|| FieldError::invalid(field, new.cloned().unwrap_or(Value::Null), IMMUTABLE))
}

/// Checks `metadata` of `object`: of a new object if `old` is `None`, else of a change of `old`. A name that is to be
/// generated has been generated.
pub fn validate_metadata(
    object: &Value,
    old: Option<&Value>,
    namespaced: bool,
    rule: NameRule,
) -> Vec<FieldError> {
    let mut faults = Vec::new();
    match old {
        None => created(object, namespaced, rule, &mut faults),
        Some(old) => updated(object, old, &mut faults),
    }
    if object.integer(&["metadata", "generation"]).is_some_and(|generation| generation < 0) {
        let value = object.integer(&["metadata", "generation"]);
        faults.push(FieldError::invalid(
            "metadata.generation",
            value,
            "must be greater than or equal to 0",
        ));
    }
    faults.extend(names::labels(&object["metadata"]["labels"], "metadata.labels"));
    annotations(object, &mut faults);
    owner_references(object, &mut faults);
    if old.is_none() {
        finalizers(object, &mut faults);
    }
    managed_fields(object, &mut faults);
    faults
}

fn created(object: &Value, namespaced: bool, rule: NameRule, faults: &mut Vec<FieldError>) {
    let generated = object.text(&["metadata", "generateName"]);
    if !generated.is_empty() {
        let wrong = object_name(rule, generated, true);
        faults.extend(
            wrong
                .into_iter()
                .map(|detail| FieldError::invalid("metadata.generateName", generated, detail)),
        );
    }
    let name = object.text(&["metadata", "name"]);
    if name.is_empty() {
        faults.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        let wrong = object_name(rule, name, false);
        faults.extend(
            wrong.into_iter().map(|detail| FieldError::invalid("metadata.name", name, detail)),
        );
    }
    let namespace = object.text(&["metadata", "namespace"]);
    if namespaced {
        if namespace.is_empty() {
            faults.push(FieldError::required("metadata.namespace", ""));
        } else {
            let wrong = names::label(namespace);
            faults.extend(
                wrong
                    .into_iter()
                    .map(|detail| FieldError::invalid("metadata.namespace", namespace, detail)),
            );
        }
    } else if !namespace.is_empty() {
        faults.push(FieldError::forbidden("metadata.namespace", "not allowed on this type"));
    }
}

fn updated(object: &Value, old: &Value, faults: &mut Vec<FieldError>) {
    if old.at(&["metadata", "deletionTimestamp"]).is_some() {
        faults.extend(added_finalizers(object, old));
    }
    if object.text(&["metadata", "resourceVersion"]).is_empty() {
        faults.push(FieldError::invalid(
            "metadata.resourceVersion",
            "",
            "must be specified for an update",
        ));
    }
    let (new, before) =
        (object.integer(&["metadata", "generation"]), old.integer(&["metadata", "generation"]));
    if new.unwrap_or(0) < before.unwrap_or(0) {
        faults.push(FieldError::invalid(
            "metadata.generation",
            new.unwrap_or(0),
            "must not be decremented",
        ));
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let path = format!("metadata.{field}");
        faults.extend(immutable(
            &path,
            object.at(&["metadata", field]),
            old.at(&["metadata", field]),
        ));
    }
}

/// The finalizers that an object which is being deleted would gain.
fn added_finalizers(object: &Value, old: &Value) -> Option<FieldError> {
    let before = old.texts(&["metadata", "finalizers"]);
    let mut added = object.texts(&["metadata", "finalizers"]);
    added.retain(|finalizer| !before.contains(finalizer));
    added.sort_unstable();
    if added.is_empty() {
        return None;
    }
    let added: Vec<String> = added.into_iter().map(go_text::quoted).collect();
    let rule =
        "no new finalizers can be added if the object is being deleted, found new finalizers";
    let detail = format!("{rule} []string{{{}}}", added.join(", "));
    Some(FieldError::forbidden("metadata.finalizers", detail))
}

fn annotations(object: &Value, faults: &mut Vec<FieldError>) {
    let mut size = 0;
    for (key, value) in object.fields(&["metadata", "annotations"]).into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        let wrong = names::label_key(&key.to_lowercase());
        faults.extend(
            wrong
                .into_iter()
                .map(|detail| FieldError::invalid("metadata.annotations", key.as_str(), detail)),
        );
    }
    if size > ANNOTATIONS {
        faults.push(FieldError::too_long("metadata.annotations", ANNOTATIONS));
    }
}

fn owner_references(object: &Value, faults: &mut Vec<FieldError>) {
    let references = object.entries(&["metadata", "ownerReferences"]);
    let mut controller: Option<String> = None;
    for (at, reference) in references.iter().enumerate() {
        owner_reference(reference, &format!("metadata.ownerReferences[{at}]"), faults);
        if reference.flag(&["controller"]) {
            let this = format!("{}/{}", reference.text(&["kind"]), reference.text(&["name"]));
            match &controller {
                None => controller = Some(this),
                Some(first) => {
                    let rule = "Only one reference can have Controller set to true";
                    let detail =
                        format!("{rule}. Found \"true\" in references for {first} and {this}");
                    faults.push(FieldError::invalid(
                        "metadata.ownerReferences",
                        references.to_vec(),
                        detail,
                    ));
                }
            }
        }
    }
}

fn owner_reference(reference: &Value, path: &str, faults: &mut Vec<FieldError>) {
    for field in ["apiVersion", "kind", "name", "uid"] {
        if reference.text(&[field]).is_empty() {
            faults.push(FieldError::required(format!("{path}.{field}"), "must not be empty"));
        }
    }
    let api_version = reference.text(&["apiVersion"]);
    let malformed = api_version.split('/').count() > 2 || api_version.ends_with('/');
    if !api_version.is_empty() && malformed {
        faults.push(FieldError::invalid(
            format!("{path}.apiVersion"),
            api_version,
            "must be <group>/<version> or <version>",
        ));
    }
    if (api_version, reference.text(&["kind"])) == ("v1", "Event") {
        faults.push(FieldError::invalid(
            path,
            reference.clone(),
            "/v1, Kind=Event is disallowed from being an owner",
        ));
    }
}

fn finalizers(object: &Value, faults: &mut Vec<FieldError>) {
    let finalizers = object.texts(&["metadata", "finalizers"]);
    for finalizer in &finalizers {
        let wrong = names::label_key(finalizer);
        faults.extend(
            wrong
                .into_iter()
                .map(|detail| FieldError::invalid("metadata.finalizers", *finalizer, detail)),
        );
    }
    if finalizers.contains(&"orphan") && finalizers.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        faults.push(FieldError::invalid("metadata.finalizers", json!(finalizers), detail));
    }
}

fn managed_fields(object: &Value, faults: &mut Vec<FieldError>) {
    for (at, entry) in object.entries(&["metadata", "managedFields"]).iter().enumerate() {
        let path = format!("metadata.managedFields[{at}]");
        match entry.text(&["operation"]) {
            "Apply" | "Update" => {}
            "" => faults.push(FieldError::required(format!("{path}.operation"), "")),
            other => faults.push(FieldError::not_supported(
                format!("{path}.operation"),
                other,
                &["Apply", "Update"],
            )),
        }
        let form = entry.text(&["fieldsType"]);
        if !form.is_empty() && form != "FieldsV1" {
            faults.push(FieldError::invalid(
                format!("{path}.fieldsType"),
                form,
                "must be `FieldsV1`",
            ));
        }
        if entry.text(&["manager"]).len() > 128 {
            faults.push(FieldError::too_long(format!("{path}.manager"), 128));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(object: &Value, old: Option<&Value>) -> Vec<String> {
        validate_metadata(object, old, true, NameRule::Subdomain)
            .iter()
            .map(|fault| fault.field.clone())
            .collect()
    }

    #[test]
    fn a_new_object_needs_a_name_and_a_namespace() {
        assert_eq!(fields(&json!({"metadata": {}}), None), ["metadata.name", "metadata.namespace"]);
        assert!(fields(&json!({"metadata": {"name": "a", "namespace": "b"}}), None).is_empty());
    }

    #[test]
    fn what_identifies_an_object_does_not_change() {
        let old = json!({"metadata": {"name": "a", "namespace": "b", "uid": "1", "resourceVersion": "7"}});
        let mut new = old.clone();
        assert!(fields(&new, Some(&old)).is_empty());
        new["metadata"]["uid"] = "2".into();
        assert_eq!(fields(&new, Some(&old)), ["metadata.uid"]);
    }

    #[test]
    fn an_object_that_is_being_deleted_takes_no_new_finalizer() {
        let old = json!({"metadata": {"name": "a", "namespace": "b", "deletionTimestamp": "t", "resourceVersion": "7",
            "finalizers": ["a.b/c"]}});
        let mut new = old.clone();
        new["metadata"]["finalizers"] = json!(["a.b/c", "a.b/d"]);
        let faults = validate_metadata(&new, Some(&old), true, NameRule::Subdomain);
        assert_eq!(
            faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new \
              finalizers []string{\"a.b/d\"}"
            ]
        );
    }

    #[test]
    fn annotations_have_a_bound() {
        let object = json!({"metadata": {"name": "a", "namespace": "b", "annotations": {"a": "x".repeat(ANNOTATIONS)}}});
        assert_eq!(fields(&object, None), ["metadata.annotations"]);
    }
}
