//! Schemas and values to test with.

use apiserver_schema::{Additional, ListType, MapType, Schema, Type};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn scalar(kind: Type) -> Schema {
    Schema { kind: Some(kind), ..Schema::default() }
}

fn object(fields: Vec<(&str, Schema)>) -> Schema {
    let properties = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    Schema { kind: Some(Type::Object), properties, ..Schema::default() }
}

fn list(items: Schema, list_type: ListType) -> Schema {
    Schema { kind: Some(Type::Array), items: Some(Box::new(items)), list_type, ..Schema::default() }
}

pub(crate) fn schema() -> Schema {
    let entry = object(vec![
        ("name", scalar(Type::String)),
        ("a", scalar(Type::String)),
        ("b", scalar(Type::Integer)),
    ]);
    let mut entries = list(entry, ListType::Map(vec!["name".to_owned()]));
    entries.merge.merge = true;
    entries.merge.merge_key = Some("name".to_owned());
    let mut tags = list(scalar(Type::String), ListType::Set);
    tags.merge.merge = true;
    let words = Additional::Values(Box::new(scalar(Type::String)));
    let whole = Schema { map_type: MapType::Atomic, ..object(vec![("x", scalar(Type::String))]) };
    let spec = object(vec![
        ("entries", entries),
        ("tags", tags),
        ("atoms", list(scalar(Type::Integer), ListType::Atomic)),
        ("whole", whole),
        ("words", Schema { kind: Some(Type::Object), additional: words, ..Schema::default() }),
        (
            "nested",
            object(vec![
                ("x", scalar(Type::String)),
                ("y", object(vec![("z", scalar(Type::String))])),
            ]),
        ),
        (
            "free",
            Schema { kind: Some(Type::Object), preserve_unknown_fields: true, ..Schema::default() },
        ),
        ("mode", scalar(Type::String)),
    ]);
    object(vec![("spec", spec), ("other", scalar(Type::String))])
}

fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    proptest::option::of(value)
}

fn names() -> impl Strategy<Value = Vec<String>> {
    Just(["a", "b", "c", "d"].map(str::to_owned).to_vec()).prop_shuffle().prop_flat_map(|names| {
        (1..=names.len()).prop_map(move |count| names.iter().take(count).cloned().collect())
    })
}

fn entries() -> impl Strategy<Value = Value> {
    (names(), proptest::collection::vec(any::<(bool, bool)>(), 4)).prop_map(|(names, has)| {
        let entry = |(name, (a, b)): (String, (bool, bool))| {
            let mut entry = json!({"name": name});
            if a {
                entry["a"] = json!("text");
            }
            if b {
                entry["b"] = json!(7);
            }
            entry
        };
        Value::Array(names.into_iter().zip(has).map(entry).collect())
    })
}

/// An object of [`schema`] without empty maps and lists.
pub(crate) fn thing() -> impl Strategy<Value = Value> {
    let free = (1..4i32, any::<bool>()).prop_map(|(number, deep)| {
        if deep { json!({"a": {"b": [number]}}) } else { json!({"a": number}) }
    });
    let fields = (
        maybe(entries()),
        maybe(names().prop_map(|names| json!(names))),
        maybe(proptest::collection::vec(0..5i32, 1..4).prop_map(|list| json!(list))),
        maybe(Just(json!({"x": "1"}))),
        maybe(names().prop_map(|names| {
            Value::Object(names.into_iter().map(|name| (name, json!("v"))).collect())
        })),
        maybe(Just(json!({"x": "1", "y": {"z": "2"}}))),
        maybe(free),
        maybe("[a-c]".prop_map(Value::from)),
    );
    fields.prop_map(|(entries, tags, atoms, whole, words, nested, free, mode)| {
        let fields = [
            ("entries", entries),
            ("tags", tags),
            ("atoms", atoms),
            ("whole", whole),
            ("words", words),
            ("nested", nested),
            ("free", free),
            ("mode", mode),
        ];
        let spec: Map<_, _> = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        let mut object =
            json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "metadata": {"name": "n"}});
        if !spec.is_empty() {
            object["spec"] = Value::Object(spec);
        }
        object
    })
}

fn key() -> impl Strategy<Value = String> {
    let names = [
        "spec",
        "entries",
        "tags",
        "name",
        "a",
        "words",
        "free",
        "metadata",
        "finalizers",
        "managedFields",
        "$patch",
        "$retainKeys",
        "$setElementOrder/tags",
        "$deleteFromPrimitiveList/tags",
        "$setElementOrder/entries",
        "f:spec",
        "v:1",
        "v:",
        "k:{\"name\":\"a\"}",
        "k:[]",
        "i:0",
        ".",
        "",
        "é:",
    ];
    proptest::sample::select(names.to_vec()).prop_map(str::to_owned)
}

/// JSON that is likely to mean something here.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        key().prop_map(Value::from),
        proptest::sample::select(vec!["delete", "replace", "merge", "Apply", "Update", "FieldsV1"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::btree_map(key(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn fields_v1() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        "f:[a-d]{1,3}",
        "v:[0-9]",
        "i:[0-9]",
        "[a-c]".prop_map(|name| format!("k:{{\"name\":\"{name}\"}}")),
        "[a-c<>&]{1,3}".prop_map(|text| format!("v:\"{text}\"")),
    ];
    Just(json!({})).prop_recursive(4, 30, 5, move |inner| {
        (proptest::collection::btree_map(key.clone(), inner, 1..5), any::<bool>()).prop_map(
            |(map, member)| {
                let mut map: Map<_, _> = map.into_iter().collect();
                if member {
                    map.insert(".".to_owned(), json!({}));
                }
                Value::Object(map)
            },
        )
    })
}

/// A list of managers as a client may send it.
pub(crate) fn managed_fields() -> impl Strategy<Value = Value> {
    let operation = prop_oneof![Just("Apply"), Just("Update")];
    let entry = ("[a-e]", operation, fields_v1(), 0..20u32).prop_map(|(manager, operation, fields, second)| {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": fields, "time": format!("2026-01-01T00:00:{second:02}Z")})
    });
    proptest::collection::vec(entry, 1..14).prop_map(Value::Array)
}
