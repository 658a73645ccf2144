//! Merge patches, case by case; the real server's answers are in `real_server`.

use apiserver_patch::{merge_patch, strategic_merge_patch};
use apiserver_schema::{ListType, Schema, Type};
use serde_json::{Value, json};

use super::{list, object, scalar};

fn merged(mut object: Value, patch: &Value) -> Value {
    merge_patch(&mut object, patch);
    object
}

#[test]
fn null_removes_objects_merge_and_all_else_replaces() {
    let live = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
    let patch = json!({"a": {"b": null, "c": [3], "e": {"f": null, "g": 1}}, "d": null, "h": null});
    assert_eq!(merged(live, &patch), json!({"a": {"c": [3], "e": {"g": 1}}}));
    assert_eq!(merged(json!({"a": 1}), &json!([1])), json!([1]));
    assert_eq!(merged(json!({"a": "x"}), &json!({"a": {"b": null}})), json!({"a": {}}));
}

#[test]
fn null_fields_inside_a_list_go_like_on_the_real_server() {
    assert_eq!(
        merged(json!({}), &json!({"a": [{"b": null, "c": 1}, null]})),
        json!({"a": [{"c": 1}, null]})
    );
    assert_eq!(merged(json!({"a": {}}), &json!({"a": [{"b": null}]})), json!({"a": [{"b": null}]}));
}

#[test]
fn a_list_without_a_strategy_is_replaced_and_finalizers_are_merged_in_every_kind() {
    let mut object = json!({"list": [1], "metadata": {"finalizers": ["a"]}});
    let patch = json!({"list": [2], "metadata": {"finalizers": ["b"]}});
    strategic_merge_patch(&Schema::default(), &mut object, &patch).unwrap();
    assert_eq!(object, json!({"list": [2], "metadata": {"finalizers": ["b", "a"]}}));
}

#[test]
fn a_patch_that_is_no_object_is_malformed() {
    let error = strategic_merge_patch(&Schema::default(), &mut json!({}), &json!([1])).unwrap_err();
    assert_eq!((error.code(), error.reason()), (400, "BadRequest"));
}

#[test]
fn a_list_of_lists_is_not_merged() {
    let mut schema = list(list(scalar(Type::String), ListType::Atomic), ListType::Atomic);
    schema.merge.merge = true;
    let schema = object(vec![("x", schema)]);
    let error = strategic_merge_patch(&schema, &mut json!({"x": [["a"]]}), &json!({"x": [["b"]]}))
        .unwrap_err();
    assert_eq!((error.code(), error.reason()), (422, "Invalid"));
}
