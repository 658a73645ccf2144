//! All rules that an object must keep, in the order in which Kubernetes asks them.

use apiserver_kinds::{self as kinds, Kind};
use apiserver_object::{Fault, FieldError, Subresource};
use apiserver_rules::{self as rules, CompiledRules};
use apiserver_schema::Schema;
use base64::Engine as _;
use serde_json::Value;

use crate::state::collections::SECRETS;
use crate::state::served::Served;

/// What is wrong with an object, or with its change from `old`.
pub(crate) fn check(
    served: &Served,
    subresource: Subresource,
    object: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    let kind = &served.kind;
    let mut errors = kinds::validate_metadata(object, old, kind.namespaced, kind.name_rule);
    if !kind.custom {
        errors.extend(kinds::validate_builtin(kind, object, old));
        return errors;
    }
    if old.is_some() {
        // Kubernetes asks twice here, and lists both answers.
        errors.extend(errors.clone());
    }
    errors.extend(schema_errors(served, subresource, object, old));
    errors.extend(scale_errors(kind, subresource, object));
    if served.has_rules() {
        let broken = rule_errors(served, object, old, &errors);
        errors.extend(broken);
    }
    errors
}

/// The CEL rules that an object breaks. They are not asked where the object has `errors` that they cannot stand.
fn rule_errors(
    served: &Served,
    object: &Value,
    old: Option<&Value>,
    errors: &[FieldError],
) -> Vec<FieldError> {
    if errors.iter().any(blocks_rules) {
        let detail = "some validation rules were not checked because the object was invalid; \
                      correct the existing errors to complete validation";
        return vec![FieldError::new(Fault::Invalid, "<nil>", detail).with_value(Value::Null)];
    }
    let mut broken = served.broken_rules(object, old);
    for error in broken.iter_mut().filter(|error| error.field.is_empty()) {
        "<nil>".clone_into(&mut error.field);
    }
    broken
}

/// A write of the status is judged by the schema of the status, with places that begin there.
fn schema_errors(
    served: &Served,
    subresource: Subresource,
    object: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    if subresource != Subresource::Status {
        return served.validator().validate(object, old);
    }
    let status = |object: &'_ Value| object.get("status").cloned();
    match (served.status_validator(), status(object)) {
        (Some(validator), Some(value)) => {
            validator.validate_below("status", &value, old.and_then(status).as_ref())
        }
        _ => Vec::new(),
    }
}

/// What the scale of an object is read from.
fn scale_errors(kind: &Kind, subresource: Subresource, object: &Value) -> Vec<FieldError> {
    let Some(scale) = &kind.subresources.scale else { return Vec::new() };
    let mut errors = Vec::new();
    let paths = if subresource == Subresource::Status {
        [None, Some(&scale.status_replicas_path)]
    } else {
        [Some(&scale.spec_replicas_path), None]
    };
    for path in paths.into_iter().flatten() {
        let (value, wrong) = match replicas(object, path) {
            Ok(value) if value < 0 => (value, "should be a non-negative integer".to_owned()),
            Ok(value) if value > i64::from(i32::MAX) => {
                (value, format!("should be less than or equal to {}", i32::MAX))
            }
            Ok(_) => continue,
            Err(wrong) => (0, wrong),
        };
        errors.push(FieldError::new(Fault::Invalid, path.as_str(), wrong).with_value(value.into()));
    }
    errors
}

fn replicas(object: &Value, path: &str) -> Result<i64, String> {
    let mut at = object;
    let fields: Vec<&str> = path.trim_start_matches('.').split('.').collect();
    for (depth, field) in fields.iter().enumerate() {
        let is_object = at.is_object();
        match at.get(field) {
            _ if !is_object => {
                let place = fields[..=depth].join(".");
                return Err(format!("the field that .{place} is in is no object"));
            }
            None => return Ok(0),
            Some(value) => at = value,
        }
    }
    at.as_i64().ok_or_else(|| format!(".{} is no integer", fields.join(".")))
}

/// What is no fault but worth a warning (`WarningsOnCreate` of Kubernetes' strategies).
pub(crate) fn warnings(kind: &Kind, object: &Value) -> Vec<String> {
    if kind.storage_collection.as_ref() != SECRETS || object["type"] != "kubernetes.io/tls" {
        return Vec::new();
    }
    let has_pem = |key: &str| {
        let text = object["data"][key].as_str().unwrap_or_default();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
        memchr::memmem::find(&bytes, b"-----BEGIN ").is_some()
    };
    let inputs = [("tls.crt", "certificate"), ("tls.key", "key")];
    let missing = inputs.into_iter().find(|(key, _)| !has_pem(key));
    missing
        .map(|(_, name)| format!("tls: failed to find any PEM data in {name} input"))
        .into_iter()
        .collect()
}

/// CEL needs values of the types that it was compiled for.
fn blocks_rules(error: &FieldError) -> bool {
    matches!(
        error.fault,
        Fault::NotSupported
            | Fault::Required
            | Fault::TooLong
            | Fault::TooMany
            | Fault::TypeInvalid
    )
}

/// Programs and schemas inside an object: those of a CustomResourceDefinition and of an admission policy.
pub(crate) fn check_programs(kind: &Kind, object: &Value) -> Vec<FieldError> {
    match kind.kind.as_ref() {
        "CustomResourceDefinition" => check_definition(object),
        "MutatingAdmissionPolicy" => {
            rules::MutatingPolicy::compile(object).err().unwrap_or_default()
        }
        "MutatingAdmissionPolicyBinding" => {
            rules::Binding::compile_mutating(object).err().unwrap_or_default()
        }
        "ValidatingAdmissionPolicy" => rules::Policy::compile(object).err().unwrap_or_default(),
        "ValidatingAdmissionPolicyBinding" => {
            rules::Binding::compile(object).err().unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn check_definition(definition: &Value) -> Vec<FieldError> {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let schemas: Vec<&Value> = versions
        .into_iter()
        .flatten()
        .filter_map(|version| version.pointer("/schema/openAPIV3Schema"))
        .collect();
    // What all versions share is reported once, where Kubernetes keeps it.
    let shared = schemas.iter().all(|schema| schema == &schemas[0]);
    let mut errors = Vec::new();
    for (index, openapi) in
        schemas.into_iter().enumerate().take(if shared { 1 } else { usize::MAX })
    {
        let path = if shared {
            "spec.validation.openAPIV3Schema".to_owned()
        } else {
            format!("spec.versions[{index}].schema.openAPIV3Schema")
        };
        let compiled = Schema::from_openapi(openapi, &path)
            .and_then(|schema| CompiledRules::compile(&schema, &path));
        errors.extend(compiled.err().into_iter().flatten());
    }
    errors
}
