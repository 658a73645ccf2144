//! The schema of `metadata`, the same for every kind.

use std::sync::LazyLock;

use apiserver_schema::{Additional, ListType, MapType, Schema, Type};

/// `ObjectMeta` of apimachinery 1.37, as far as ownership depends on it.
pub(crate) static OBJECT_META: LazyLock<Schema> = LazyLock::new(object_meta);

/// `apiVersion`, `kind` and other strings.
pub(crate) static STRING: LazyLock<Schema> = LazyLock::new(|| scalar(Type::String));

fn scalar(kind: Type) -> Schema {
    Schema { kind: Some(kind), ..Schema::default() }
}

fn time() -> Schema {
    let mut schema = scalar(Type::String);
    schema.checks.format = Some("date-time".to_owned());
    schema
}

fn strings() -> Schema {
    let values = Additional::Values(Box::new(scalar(Type::String)));
    Schema { kind: Some(Type::Object), additional: values, ..Schema::default() }
}

fn object(fields: Vec<(&str, Schema)>) -> Schema {
    let properties = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    Schema { kind: Some(Type::Object), properties, ..Schema::default() }
}

fn list(items: Schema, list_type: ListType) -> Schema {
    Schema { kind: Some(Type::Array), items: Some(Box::new(items)), list_type, ..Schema::default() }
}

fn owner_reference() -> Schema {
    let mut fields: Vec<_> = ["apiVersion", "kind", "name", "uid"]
        .into_iter()
        .map(|name| (name, scalar(Type::String)))
        .collect();
    fields.extend(["blockOwnerDeletion", "controller"].map(|name| (name, scalar(Type::Boolean))));
    Schema { map_type: MapType::Atomic, ..object(fields) }
}

fn managed_fields_entry() -> Schema {
    let mut fields: Vec<_> = ["apiVersion", "fieldsType", "manager", "operation", "subresource"]
        .into_iter()
        .map(|name| (name, scalar(Type::String)))
        .collect();
    fields.extend([("fieldsV1", scalar(Type::Object)), ("time", time())]);
    object(fields)
}

fn object_meta() -> Schema {
    let mut fields: Vec<_> =
        ["generateName", "name", "namespace", "resourceVersion", "selfLink", "uid"]
            .into_iter()
            .map(|name| (name, scalar(Type::String)))
            .collect();
    let mut owners = list(owner_reference(), ListType::Map(vec!["uid".to_owned()]));
    owners.merge.merge = true;
    owners.merge.merge_key = Some("uid".to_owned());
    let mut finalizers = list(scalar(Type::String), ListType::Set);
    finalizers.merge.merge = true;
    fields.extend([
        ("annotations", strings()),
        ("labels", strings()),
        ("creationTimestamp", time()),
        ("deletionTimestamp", time()),
        ("deletionGracePeriodSeconds", scalar(Type::Integer)),
        ("generation", scalar(Type::Integer)),
        ("finalizers", finalizers),
        ("managedFields", list(managed_fields_entry(), ListType::Atomic)),
        ("ownerReferences", owners),
    ]);
    object(fields)
}
