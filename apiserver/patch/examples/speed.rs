//! How long ownership takes: `cargo run --release -p apiserver-patch --example speed`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use apiserver_patch::{Operation, Writer, apply, merge_patch, track};
use apiserver_schema::{Additional, ListType, Schema, Type};
use jiff::Timestamp;
use serde_json::{Value, json};

fn scalar(kind: Type) -> Schema {
    Schema { kind: Some(kind), ..Schema::default() }
}

fn object(fields: Vec<(&str, Schema)>) -> Schema {
    let properties = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    Schema { kind: Some(Type::Object), properties, ..Schema::default() }
}

fn schema() -> Schema {
    let entry =
        object(["name", "image", "policy", "text"].map(|name| (name, scalar(Type::String))).into());
    let list = Schema {
        kind: Some(Type::Array),
        items: Some(Box::new(entry)),
        list_type: ListType::Map(vec!["name".to_owned()]),
        ..Schema::default()
    };
    let words = Additional::Values(Box::new(scalar(Type::String)));
    let words = Schema { kind: Some(Type::Object), additional: words, ..Schema::default() };
    let spec = object(vec![("list", list), ("words", words), ("replicas", scalar(Type::Integer))]);
    object(vec![("spec", spec), ("status", object(vec![("phase", scalar(Type::String))]))])
}

/// About 3 KiB, 40 fields.
fn sample() -> Value {
    let text = "lorem ipsum ".repeat(14);
    let entries: Vec<_> = (0..5)
        .map(|number| json!({"name": format!("entry-{number}"), "image": "example.com/app:1", "policy": "Always", "text": text}))
        .collect();
    let words: serde_json::Map<_, _> =
        (0..14).map(|number| (format!("word-{number}"), json!("x".repeat(100)))).collect();
    json!({
        "apiVersion": "example.com/v1", "kind": "Thing",
        "metadata": {"name": "sample", "namespace": "default", "uid": "u", "labels": {"app": "sample", "tier": "web"},
            "annotations": {"example.com/note": "a note"}},
        "spec": {"list": entries, "words": words, "replicas": 3}, "status": {"phase": "Up"},
    })
}

fn measure(name: &str, inputs: &Value, mut run: impl FnMut(&mut Value)) {
    const ROUNDS: u32 = 20_000;
    let mut objects: Vec<Value> = (0..100).map(|_| inputs.clone()).collect();
    let mut total = std::time::Duration::ZERO;
    for _ in 0..ROUNDS / 100 {
        let start = Instant::now();
        objects.iter_mut().for_each(&mut run);
        total += start.elapsed();
        for object in &mut objects {
            object.clone_from(inputs);
        }
    }
    println!("{name:48} {:8.2} µs", total.as_secs_f64() * 1e6 / f64::from(ROUNDS));
}

fn main() {
    let schema = schema();
    let writer = |manager| Writer {
        manager,
        operation: Operation::Update,
        subresource: "",
        api_version: "example.com/v1",
        now: Timestamp::UNIX_EPOCH,
    };
    let (maker, other) = (writer("maker"), writer("other"));
    let excluded: &[&[&str]] = &[&["status"]];
    let sample = sample();
    println!("{} bytes", sample.to_string().len());
    measure("track: create", &sample, |object| track(&schema, None, object, &maker, excluded));
    let mut live = sample.clone();
    track(&schema, None, &mut live, &maker, excluded);
    println!("{}", live["metadata"]["managedFields"].to_string().matches("f:").count());
    let mut changed = live.clone();
    merge_patch(
        &mut changed,
        &json!({"spec": {"replicas": 4, "words": {"word-1": "new", "word-20": "added"}}}),
    );
    measure("track: update of 3 fields, same manager", &changed, |object| {
        track(&schema, Some(&live), object, &maker, excluded);
    });
    measure("track: update of 3 fields, another manager", &changed, |object| {
        track(&schema, Some(&live), object, &other, excluded);
    });
    let mut bare = changed.clone();
    bare["metadata"].as_object_mut().unwrap().remove("managedFields");
    measure("track: the same, sent without managedFields", &bare, |object| {
        track(&schema, Some(&live), object, &other, excluded);
    });
    measure("track: update of nothing", &live, |object| {
        track(&schema, Some(&live), object, &other, excluded);
    });
    let config = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "sample"},
        "spec": {"list": [{"name": "entry-1", "image": "example.com/app:2"}], "words": {"mine": "x"}}});
    measure("apply: 3 fields, by force", &live, |object| {
        *object = apply(&schema, Some(object), &config, &other, true, excluded).unwrap();
    });
    measure("clone of the object, for comparison", &live, |object| *object = live.clone());
}
