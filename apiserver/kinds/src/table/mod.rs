//! Answers for people: `Table` and `PartialObjectMetadata` (meta.k8s.io/v1).

mod cells;
mod columns;
mod custom;
mod event;
mod form;
mod network;
mod node;
mod policy;
mod row;
mod workload;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::events::core_from_events_v1;
use crate::kind::Kind;
use columns::Heading;
pub use form::selector_text;

/// What a row holds beside its cells (`includeObject`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Cells only.
    None,
    /// The object's metadata.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

/// Metadata of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListMetadata {
    /// Revision of the list; of a table of one object, the object's.
    pub resource_version: String,
    /// Where the next page begins; empty on the last one.
    pub continue_token: String,
    /// Objects that come after this page, if known.
    pub remaining: Option<u64>,
}

impl ListMetadata {
    fn write(&self) -> Value {
        let mut metadata = Map::new();
        for (field, text) in
            [("resourceVersion", &self.resource_version), ("continue", &self.continue_token)]
        {
            if !text.is_empty() {
                metadata.insert(field.to_owned(), text.as_str().into());
            }
        }
        metadata
            .extend(self.remaining.map(|count| ("remainingItemCount".to_owned(), count.into())));
        Value::Object(metadata)
    }
}

/// Objects of one kind as a table. Ages are those at `now`. `headings` is false for all but the first event of a watch,
/// as the client has them.
pub fn table(
    kind: &Kind,
    objects: &[&Value],
    include: IncludeObject,
    list: &ListMetadata,
    headings: bool,
    now: Timestamp,
) -> Value {
    let rows: Vec<Value> =
        objects.iter().map(|object| row_of(kind, object, include, now)).collect();
    let headings = if headings { Value::Array(headings_of(kind)) } else { Value::Null };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list.write(),
        "columnDefinitions": headings,
        "rows": rows,
    })
}

fn headings_of(kind: &Kind) -> Vec<Value> {
    if kind.custom {
        let own = kind.columns.iter().map(custom::heading);
        return std::iter::once(columns::NAME.write()).chain(own).collect();
    }
    columns::of(kind).iter().map(Heading::write).collect()
}

fn row_of(kind: &Kind, object: &Value, include: IncludeObject, now: Timestamp) -> Value {
    let core_event;
    let shown = if &*kind.group == "events.k8s.io" {
        core_event = core_from_events_v1(object);
        &core_event
    } else {
        object
    };
    let cells =
        if kind.custom { custom::cells(kind, object, now) } else { cells::cells(kind, shown, now) };
    let mut written = Map::new();
    written.insert("cells".to_owned(), Value::Array(cells));
    let conditions = cells::conditions(kind, object);
    if !conditions.is_empty() {
        written.insert("conditions".to_owned(), Value::Array(conditions));
    }
    let object = match include {
        IncludeObject::None => Value::Null,
        IncludeObject::Metadata => partial_object_metadata(object),
        IncludeObject::Object => object.clone(),
    };
    written.insert("object".to_owned(), object);
    Value::Object(written)
}

/// An object without anything but its metadata.
pub fn partial_object_metadata(object: &Value) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_else(|| json!({}));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

/// The metadata of the objects of a list.
pub fn partial_object_metadata_list(objects: &[&Value], list: &ListMetadata) -> Value {
    let items: Vec<Value> = objects.iter().map(|object| partial_object_metadata(object)).collect();
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list.write(),
        "items": items,
    })
}
