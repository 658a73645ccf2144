//! Objects in the form that a client asked for.

use apiserver_kinds::{self as kinds, IncludeObject, Kind, ListMetadata};
use apiserver_object::Verb;
use apiserver_store as store;
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::clock;
use crate::failure::Failure;
use crate::object::{metadata, version};
use crate::request::accept::{Accepted, Form};
use crate::request::parameters::Parameters;

/// A stored object in the form that the client accepts.
pub(crate) fn stored_object(
    kind: &Kind,
    code: StatusCode,
    stored: &store::Object,
    accepted: Accepted,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    if accepted.form == Form::Object && !accepted.yaml && version::is_served_as_stored(kind, stored)
    {
        return Ok(Answer::encoded(code, stored.json.clone()));
    }
    let value = version::served(kind, stored)?;
    Ok(Answer::value(code, accepted, &object(kind, value, accepted.form, parameters)))
}

/// One object.
pub(crate) fn object(kind: &Kind, value: Value, form: Form, parameters: &Parameters) -> Value {
    match form {
        Form::Object | Form::Discovery => value,
        Form::Metadata | Form::MetadataList => kinds::partial_object_metadata(&value),
        Form::Table | Form::TableBeta => table(kind, &value, form, true, parameters),
    }
}

/// Objects with the metadata of their list.
pub(crate) fn list(
    kind: &Kind,
    values: Vec<Value>,
    metadata: &ListMetadata,
    form: Form,
    parameters: &Parameters,
) -> Value {
    let all: Vec<&Value> = values.iter().collect();
    match form {
        Form::Table | Form::TableBeta => in_version(
            form,
            kinds::table(kind, &all, include(parameters), metadata, true, clock::now()),
        ),
        Form::Metadata | Form::MetadataList => {
            let mut list = kinds::partial_object_metadata_list(&all, metadata);
            if all.is_empty() && kind.custom {
                list["items"] = Value::Null;
            }
            list
        }
        Form::Object | Form::Discovery => {
            let items: Vec<Value> = values.into_iter().map(|value| untyped(kind, value)).collect();
            json!({ "kind": kind.list_kind.as_ref(), "apiVersion": kind.api_version(), "metadata": list_metadata(metadata), "items": items })
        }
    }
}

/// The metadata of a list as JSON.
pub(crate) fn list_metadata(list: &ListMetadata) -> Value {
    let mut metadata = json!({ "resourceVersion": list.resource_version });
    if !list.continue_token.is_empty() {
        metadata["continue"] = list.continue_token.as_str().into();
    }
    if let Some(remaining) = list.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

/// Items of built-in kinds do not repeat the type of their list.
fn untyped(kind: &Kind, mut value: Value) -> Value {
    if let (false, Value::Object(fields)) = (kind.custom, &mut value) {
        fields.retain(|field, _| field != "apiVersion" && field != "kind");
    }
    value
}

/// The object of a watch event; a Table describes its columns in the first event only.
pub(crate) fn event(
    kind: &Kind,
    value: Value,
    form: Form,
    first: bool,
    parameters: &Parameters,
) -> Value {
    if form.is_table() {
        table(kind, &value, form, first, parameters)
    } else {
        object(kind, value, form, parameters)
    }
}

/// The object of a bookmark.
pub(crate) fn bookmark(kind: &Kind, value: Value, form: Form, parameters: &Parameters) -> Value {
    match form {
        Form::Table | Form::TableBeta => event(kind, value, form, false, parameters),
        _ => object(kind, value, form, parameters),
    }
}

fn table(kind: &Kind, value: &Value, form: Form, headings: bool, parameters: &Parameters) -> Value {
    let resource_version = metadata::text(value, "resourceVersion").to_owned();
    let metadata = ListMetadata { resource_version, ..ListMetadata::default() };
    in_version(
        form,
        kinds::table(kind, &[value], include(parameters), &metadata, headings, clock::now()),
    )
}

/// A Table in the version that was asked for; the older one differs in name alone.
fn in_version(form: Form, mut table: Value) -> Value {
    if form != Form::TableBeta {
        return table;
    }
    let rows = table["rows"].as_array_mut().into_iter().flatten();
    let objects = rows
        .filter_map(|row| row.get_mut("object"))
        .filter(|object| object["apiVersion"] == "meta.k8s.io/v1");
    objects.for_each(|object| object["apiVersion"] = "meta.k8s.io/v1beta1".into());
    table["apiVersion"] = "meta.k8s.io/v1beta1".into();
    table
}

fn include(parameters: &Parameters) -> IncludeObject {
    match parameters.include_object.as_deref() {
        Some("None") => IncludeObject::None,
        Some("Object") => IncludeObject::Object,
        _ => IncludeObject::Metadata,
    }
}

/// Refuses a form that does not go with the request.
pub(crate) fn check_form(form: Form, verb: Verb, parameters: &Parameters) -> Result<(), Failure> {
    let list = matches!(verb, Verb::List | Verb::DeleteCollection);
    match (form, parameters.include_object.as_deref()) {
        (Form::Metadata, _) if list => Err(Failure::unacceptable(
            "you requested PartialObjectMetadata, but the requested object is a list",
        )),
        (Form::MetadataList, _) if !list => Err(Failure::unacceptable(
            "you requested PartialObjectMetadataList, but the requested object is not a list",
        )),
        (Form::Table | Form::TableBeta, Some(include))
            if !matches!(include, "" | "Metadata" | "Object" | "None") =>
        {
            Err(Failure::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {include:?}: must be 'Metadata', \
                 'Object', 'None', or empty"
            )))
        }
        _ => Ok(()),
    }
}
