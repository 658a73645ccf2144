//! Who owns what, case by case, and what hostile input costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod hostile;
mod patches;

use apiserver_patch::{ApplyError, Operation, Writer, apply, restore_times, track};
use apiserver_schema::{ListType, MapType, Schema, Type};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) fn writer(manager: &str, second: i64) -> Writer<'_> {
    let now = Timestamp::from_second(second).unwrap();
    Writer { manager, operation: Operation::Update, subresource: "", api_version: "v1", now }
}

pub(crate) fn scalar(kind: Type) -> Schema {
    Schema { kind: Some(kind), ..Schema::default() }
}

pub(crate) fn object(fields: Vec<(&str, Schema)>) -> Schema {
    let properties = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    Schema { kind: Some(Type::Object), properties, ..Schema::default() }
}

pub(crate) fn list(items: Schema, list_type: ListType) -> Schema {
    Schema { kind: Some(Type::Array), items: Some(Box::new(items)), list_type, ..Schema::default() }
}

fn created(schema: &Schema, mut body: Value) -> Value {
    body["metadata"]["uid"] = json!("u");
    track(schema, None, &mut body, &writer("maker", 1), &[]);
    body
}

fn fields<'v>(object: &'v Value, manager: &str) -> &'v Value {
    let list = object["metadata"]["managedFields"].as_array().expect("managers");
    &list
        .iter()
        .find(|entry| entry["manager"] == manager)
        .unwrap_or_else(|| panic!("no {manager} in {list:?}"))["fieldsV1"]
}

fn config(body: Value) -> Value {
    let mut body = body;
    body["apiVersion"] = json!("v1");
    body["kind"] = json!("Thing");
    body
}

#[test]
fn an_object_without_a_schema_has_granular_maps_and_atomic_lists() {
    let object = created(&Schema::default(), json!({"data": {"a": {"b": 1}, "list": [{"c": 2}]}}));
    let wanted = json!({"f:data": {".": {}, "f:a": {".": {}, "f:b": {}}, "f:list": {}}});
    assert_eq!(fields(&object, "maker"), &wanted);
}

#[test]
fn what_the_server_fills_in_is_nobodys() {
    let metadata = json!({"name": "n", "namespace": "ns", "generation": 1, "resourceVersion": "5", "creationTimestamp": "x",
        "selfLink": "l", "generateName": "n-"});
    let object = created(
        &Schema::default(),
        json!({"apiVersion": "v1", "kind": "Thing", "metadata": metadata}),
    );
    assert_eq!(fields(&object, "maker"), &json!({"f:metadata": {"f:generateName": {}}}));
}

#[test]
fn an_entry_holds_manager_operation_version_time_and_fields() {
    let mut object = json!({"status": {"phase": "Up"}, "metadata": {}});
    let writer = Writer {
        subresource: "status",
        now: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        ..writer("c", 0)
    };
    track(&Schema::default(), None, &mut object, &writer, &[]);
    let wanted = json!([{
        "manager": "c", "operation": "Update", "apiVersion": "v1", "subresource": "status", "fieldsType": "FieldsV1",
        "time": "2026-01-02T03:04:05Z", "fieldsV1": {"f:status": {".": {}, "f:phase": {}}},
    }]);
    assert_eq!(object["metadata"]["managedFields"], wanted);
}

#[test]
fn a_manager_without_a_name_is_unknown() {
    let mut object = json!({"data": 1, "metadata": {}});
    track(&Schema::default(), None, &mut object, &writer("", 1), &[]);
    assert_eq!(object["metadata"]["managedFields"][0]["manager"], "unknown");
}

#[test]
fn fields_of_another_resource_are_neither_gained_nor_lost() {
    let schema = Schema::default();
    let mut live = json!({"metadata": {"uid": "u"}, "spec": 1, "status": 1});
    track(&schema, None, &mut live, &writer("maker", 1), &[&["status"]]);
    assert_eq!(fields(&live, "maker"), &json!({"f:spec": {}}));
    let mut next = live.clone();
    next["status"] = json!(2);
    let controller = Writer { subresource: "status", ..writer("controller", 2) };
    track(&schema, Some(&live), &mut next, &controller, &[&["metadata"], &["spec"]]);
    assert_eq!(fields(&next, "controller"), &json!({"f:status": {}}));
    assert_eq!(fields(&next, "maker"), &json!({"f:spec": {}}));
}

#[test]
fn a_list_that_became_atomic_is_owned_as_a_whole() {
    let entry = object(vec![("name", scalar(Type::String)), ("x", scalar(Type::String))]);
    let spec = |list_type| {
        object(vec![("list", list(entry.clone(), list_type)), ("other", scalar(Type::String))])
    };
    let before = object(vec![("spec", spec(ListType::Map(vec!["name".to_owned()])))]);
    let after = object(vec![("spec", spec(ListType::Atomic))]);
    let live = created(&before, json!({"spec": {"list": [{"name": "a", "x": "1"}]}}));
    let mut next = live.clone();
    next["spec"]["other"] = json!("x");
    track(&after, Some(&live), &mut next, &writer("other", 2), &[]);
    assert_eq!(fields(&next, "maker"), &json!({"f:spec": {".": {}, "f:list": {}}}));
}

#[test]
fn a_map_that_became_atomic_is_owned_as_a_whole() {
    let inner = object(vec![("x", scalar(Type::String))]);
    let spec = |map_type| {
        object(vec![("map", Schema { map_type, ..inner.clone() }), ("other", scalar(Type::String))])
    };
    let live = created(
        &object(vec![("spec", spec(MapType::Granular))]),
        json!({"spec": {"map": {"x": "1"}}}),
    );
    let mut next = live.clone();
    next["spec"]["other"] = json!("x");
    track(
        &object(vec![("spec", spec(MapType::Atomic))]),
        Some(&live),
        &mut next,
        &writer("other", 2),
        &[],
    );
    assert_eq!(fields(&next, "maker"), &json!({"f:spec": {".": {}, "f:map": {}}}));
}

#[test]
fn an_applier_keeps_one_entry_over_versions_and_an_updater_does_not() {
    let schema = Schema::default();
    let mut live = created(&schema, json!({"data": {"a": 1}}));
    live = apply(
        &schema,
        Some(&live),
        &config(json!({"data": {"b": 1}})),
        &writer("x", 2),
        false,
        &[],
    )
    .unwrap();
    let second = Writer { api_version: "v2", ..writer("x", 3) };
    let newer = json!({"apiVersion": "v2", "data": {"c": 1}});
    live = apply(&schema, Some(&live), &newer, &second, false, &[]).unwrap();
    let mut next = live.clone();
    next["data"]["d"] = json!(1);
    track(&schema, Some(&live), &mut next, &Writer { manager: "maker", ..second }, &[]);
    let entries = next["metadata"]["managedFields"].as_array().unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry["manager"].as_str().unwrap(), entry["apiVersion"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("x", "v2"), ("maker", "v1"), ("maker", "v2")]);
    assert_eq!(next["data"], json!({"a": 1, "c": 1, "d": 1}));
}

#[test]
fn conflicts_name_manager_version_subresource_and_field() {
    let schema = Schema::default();
    let mut live = created(&schema, json!({"data": {"a": 1, "b": 1}}));
    let status = Writer { subresource: "status", ..writer("c", 2) };
    let old = live.clone();
    live["status"] = json!({"s": 1});
    track(&schema, Some(&old), &mut live, &status, &[]);
    let error = apply(
        &schema,
        Some(&live),
        &config(json!({"data": {"a": 2}})),
        &writer("x", 3),
        false,
        &[],
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"maker\" using v1: .data.a"
    );
    let both = config(json!({"data": {"a": 2, "b": 2}, "status": {"s": 2}}));
    let error = apply(&schema, Some(&live), &both, &writer("x", 3), false, &[]).unwrap_err();
    let text = "Apply failed with 3 conflicts: conflicts with \"c\" with subresource \"status\" using v1:\n- .status.s\n\
        conflicts with \"maker\" using v1:\n- .data.a\n- .data.b";
    assert_eq!(error.to_string(), text);
    let ApplyError::Conflicts(conflicts) = error else { panic!("{error:?}") };
    assert_eq!(conflicts.0[1].time, Some(Timestamp::from_second(1).unwrap()));
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"maker\" using v1", "field": ".data.a"});
    assert_eq!(conflicts.causes()[1], cause);
}

#[test]
fn a_configuration_of_another_version_is_refused() {
    let config = json!({"apiVersion": "v9", "kind": "Thing"});
    let error = apply(&Schema::default(), None, &config, &writer("x", 1), false, &[]).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        (400, "invalid object type: /v9, Kind=Thing".to_owned())
    );
}

#[test]
fn an_eleventh_updater_merges_the_two_oldest() {
    let schema = Schema::default();
    let mut live = created(&schema, json!({"data": {"k": 0}}));
    for number in 1..=12 {
        let mut next = live.clone();
        next["data"][format!("k{number}")] = json!(1);
        track(&schema, Some(&live), &mut next, &writer(&format!("m{number:02}"), 1 + number), &[]);
        live = next;
    }
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    let wanted = json!({"f:data": {".": {}, "f:k": {}, "f:k1": {}, "f:k2": {}, "f:k3": {}}});
    assert_eq!(fields(&live, "ancient-changes"), &wanted);
    assert_eq!(entries[0]["time"], "1970-01-01T00:00:04Z");
}

#[test]
fn times_alone_are_no_change() {
    let old = created(&Schema::default(), json!({"data": {"a": 1}}));
    let mut new = old.clone();
    new["metadata"]["managedFields"][0]["time"] = json!("2030-01-01T00:00:00Z");
    let mut changed = new.clone();
    restore_times(&old, &mut new);
    assert_eq!(new, old);
    changed["data"]["a"] = json!(2);
    let before = changed.clone();
    restore_times(&old, &mut changed);
    assert_eq!(changed, before);
}
