//! Large and deep input.

use std::time::{Duration, Instant};

use apiserver_patch::{apply, json_patch, merge_patch, strategic_merge_patch, track};
use apiserver_schema::{ListType, Schema, Type};
use serde_json::{Value, json};

use super::{config, created, list, object, scalar, writer};

/// A hundred times what it takes, far below what quadratic work would take.
const LIMIT: Duration = Duration::from_secs(15);
const MANY: usize = 20_000;

fn schema() -> Schema {
    let entry = object(vec![("name", scalar(Type::String)), ("x", scalar(Type::Integer))]);
    let mut entries = list(entry, ListType::Map(vec!["name".to_owned()]));
    entries.merge.merge = true;
    entries.merge.merge_key = Some("name".to_owned());
    let mut tags = list(scalar(Type::String), ListType::Set);
    tags.merge.merge = true;
    object(vec![("spec", object(vec![("entries", entries), ("tags", tags)]))])
}

fn large(offset: usize, step: usize) -> Value {
    let names: Vec<_> =
        (0..MANY).rev().map(|number| format!("n{}", number * step + offset)).collect();
    let entries: Vec<_> = names.iter().map(|name| json!({"name": name, "x": 1})).collect();
    config(json!({"metadata": {}, "spec": {"entries": entries, "tags": names}}))
}

#[test]
fn many_entries_in_any_order_take_linear_time() {
    let start = Instant::now();
    let schema = schema();
    let live = created(&schema, large(0, 1));
    let applied =
        apply(&schema, Some(&live), &large(MANY / 2, 1), &writer("a", 2), true, &[]).unwrap();
    let mut next = applied.clone();
    next["spec"]["tags"].as_array_mut().unwrap().reverse();
    track(&schema, Some(&applied), &mut next, &writer("b", 3), &[]);
    let patch = json!({"spec": {"entries": large(7, 2)["spec"]["entries"], "tags": large(7, 2)["spec"]["tags"],
        "$setElementOrder/tags": large(7, 2)["spec"]["tags"]}});
    strategic_merge_patch(&schema, &mut next, &patch).unwrap();
    let entries = large(7, 2)["spec"]["entries"].take();
    let delete = |entry: &Value| json!({"name": entry["name"], "$patch": "delete"});
    let names: Vec<_> = entries.as_array().unwrap().iter().map(delete).collect();
    strategic_merge_patch(&schema, &mut next, &json!({"spec": {"entries": names}})).unwrap();
    let withdrawn =
        apply(&schema, Some(&applied), &config(json!({})), &writer("a", 4), false, &[]).unwrap();
    assert!(
        withdrawn["spec"]["entries"].as_array().unwrap().len()
            < applied["spec"]["entries"].as_array().unwrap().len()
    );
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
}

#[test]
fn many_fields_take_linear_time() {
    let start = Instant::now();
    let data = |offset: usize| -> Value {
        (0..MANY)
            .map(|number| (format!("k{}", number + offset), json!(1)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let live = created(&Schema::default(), config(json!({"data": data(0)})));
    let applied = apply(
        &Schema::default(),
        Some(&live),
        &config(json!({"data": data(MANY / 2)})),
        &writer("a", 2),
        false,
        &[],
    );
    let mut next = applied.unwrap();
    let before = next.clone();
    merge_patch(&mut next, &json!({"data": data(9)}));
    track(&Schema::default(), Some(&before), &mut next, &writer("b", 3), &[]);
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
}

fn deep(levels: usize, wrap: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(json!(1), |inner, _| wrap(inner))
}

#[test]
fn nesting_as_deep_as_json_may_be_is_no_trouble_on_a_small_stack() {
    let run = || {
        for value in [deep(120, |inner| json!({"a": inner})), deep(120, |inner| json!([inner]))] {
            let body = config(json!({"data": value, "metadata": {}}));
            let live = created(&Schema::default(), body.clone());
            let mut other = body.clone();
            other["data"] = json!({"b": value});
            let applied =
                apply(&Schema::default(), Some(&live), &other, &writer("a", 2), true, &[]).unwrap();
            let _ = apply(
                &Schema::default(),
                Some(&applied),
                &config(json!({})),
                &writer("a", 2),
                true,
                &[],
            )
            .unwrap();
            let mut patched = live.clone();
            merge_patch(&mut patched, &other);
            strategic_merge_patch(&Schema::default(), &mut patched, &body).unwrap();
            track(&Schema::default(), Some(&live), &mut patched, &writer("b", 2), &[]);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn fields_v1_as_deep_as_json_may_be_is_read() {
    let fields = deep(120, |inner| json!({"f:a": if inner == 1 { json!({}) } else { inner }}));
    let list = json!([{"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}]);
    let live = json!({"metadata": {"uid": "u", "managedFields": list}});
    let mut next = live.clone();
    next["x"] = json!(1);
    track(&Schema::default(), Some(&live), &mut next, &writer("b", 2), &[]);
    assert_eq!(next["metadata"]["managedFields"].as_array().unwrap().len(), 2);
}

#[test]
fn a_json_patch_that_doubles_a_list_stays_within_its_operations() {
    let patch = vec![json!({"op": "add", "path": "/list/0", "value": 1}); 10_000];
    let mut object = json!({"list": []});
    json_patch(&mut object, Value::Array(patch).to_string().as_bytes()).unwrap();
    assert_eq!(object["list"].as_array().unwrap().len(), 10_000);
}
