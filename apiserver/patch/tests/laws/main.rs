//! What holds for every object and every configuration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod sample;

use apiserver_patch::{Operation, Writer, apply, merge_patch, strategic_merge_patch, track};
use apiserver_schema::Schema;
use jiff::Timestamp;
use proptest::prelude::*;
use sample::{any_json, managed_fields, schema, thing};
use serde_json::{Value, json};

fn writer(manager: &str, operation: Operation, second: i64) -> Writer<'_> {
    let now = Timestamp::from_second(second).unwrap();
    Writer { manager, operation, subresource: "", api_version: "x.example.com/v1", now }
}

fn stored(mut object: Value) -> Value {
    object["metadata"]["uid"] = json!("u");
    object
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_twice_changes_nothing_the_second_time(config in thing(), live in thing()) {
        let schema = schema();
        let mut live = stored(live);
        track(&schema, None, &mut live, &writer("maker", Operation::Update, 1), &[]);
        let first = apply(&schema, Some(&live), &config, &writer("a", Operation::Apply, 2), true, &[]);
        prop_assume!(first.is_ok());
        let first = first.unwrap();
        let second = apply(&schema, Some(&first), &config, &writer("a", Operation::Apply, 3), false, &[]).unwrap();
        prop_assert_eq!(first, second);
    }

    #[test]
    fn what_is_applied_is_there_and_belongs_to_the_applier(config in thing()) {
        let schema = schema();
        let applied = apply(&schema, None, &config, &writer("a", Operation::Apply, 2), false, &[]).unwrap();
        prop_assert_eq!(&applied["spec"], &config["spec"]);
        let owners = applied["metadata"]["managedFields"].as_array();
        let spec_has_fields = config["spec"].as_object().is_some();
        prop_assert_eq!(owners.map_or(0, Vec::len), usize::from(spec_has_fields));
        // Another manager may not change any of it.
        if let Some(mode) = config["spec"].get("mode").and_then(Value::as_str) {
            let rival = json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "spec": {"mode": format!("{mode}!")}});
            let live = stored(applied);
            prop_assert!(apply(&schema, Some(&live), &rival, &writer("b", Operation::Apply, 3), false, &[]).is_err());
        }
    }

    #[test]
    fn a_withdrawn_configuration_leaves_what_was_there_before(config in thing()) {
        let schema = schema();
        let live = stored(json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "metadata": {"name": "n"}, "other": "kept"}));
        let applied = apply(&schema, Some(&live), &config, &writer("a", Operation::Apply, 2), false, &[]).unwrap();
        let nothing = json!({"apiVersion": "x.example.com/v1", "kind": "Thing"});
        let withdrawn = apply(&schema, Some(&applied), &nothing, &writer("a", Operation::Apply, 3), false, &[]).unwrap();
        prop_assert_eq!(withdrawn.get("spec"), None);
        prop_assert_eq!(&withdrawn["other"], &json!("kept"));
    }

    #[test]
    fn an_update_without_a_change_leaves_all_as_it_was(object in thing(), change in thing()) {
        let schema = schema();
        let mut live = stored(object);
        track(&schema, None, &mut live, &writer("maker", Operation::Update, 1), &[]);
        let mut next = stored(change);
        track(&schema, Some(&live), &mut next, &writer("other", Operation::Update, 2), &[]);
        let mut same = next.clone();
        track(&schema, Some(&next), &mut same, &writer("third", Operation::Update, 3), &[]);
        prop_assert_eq!(&same, &next);
        same["metadata"].as_object_mut().unwrap().remove("managedFields");
        track(&schema, Some(&next), &mut same, &writer("third", Operation::Update, 3), &[]);
        prop_assert_eq!(same, next);
    }

    #[test]
    fn managed_fields_of_a_client_survive_reading_and_writing(list in managed_fields()) {
        let schema = Schema::default();
        let plain = stored(json!({"metadata": {}, "data": {"a": 1}}));
        let mut once = stored(json!({"metadata": {"managedFields": list}, "data": {"a": 1}}));
        track(&schema, Some(&plain), &mut once, &writer("x", Operation::Update, 9), &[]);
        // Now it is as the server writes it, and stays so: untouched, or read and written anew.
        let mut again = once.clone();
        track(&schema, Some(&once), &mut again, &writer("x", Operation::Update, 9), &[]);
        prop_assert_eq!(&once, &again);
        let mut anew = once.clone();
        track(&schema, Some(&plain), &mut anew, &writer("x", Operation::Update, 9), &[]);
        prop_assert_eq!(once, anew);
    }

    #[test]
    fn nothing_a_client_sends_makes_it_panic(
        live in any_json(), new in any_json(), patch in any_json(), typed in thing(), fields in any_json(),
    ) {
        let schemas = [schema(), Schema::default()];
        for schema in &schemas {
            for live in [live.clone(), typed.clone()] {
                let mut whole = json!({"apiVersion": "x.example.com/v1", "metadata": {"managedFields": fields}, "spec": live});
                let config = json!({"apiVersion": "x.example.com/v1", "spec": new});
                let _ = apply(schema, Some(&whole), &config, &writer("a", Operation::Apply, 2), true, &[&["status"]]);
                let _ = apply(schema, Some(&live), &new, &writer("a", Operation::Apply, 2), false, &[]);
                let _ = strategic_merge_patch(schema, &mut whole.clone(), &json!({"spec": patch}));
                let mut other = live.clone();
                merge_patch(&mut other, &patch);
                track(schema, Some(&live), &mut other, &writer("a", Operation::Update, 2), &[]);
                track(schema, Some(&config), &mut whole, &writer("a", Operation::Update, 2), &[]);
            }
        }
    }

    #[test]
    fn a_merge_patch_is_idempotent(object in any_json(), patch in any_json()) {
        let mut once = object;
        merge_patch(&mut once, &patch);
        let mut twice = once.clone();
        merge_patch(&mut twice, &patch);
        prop_assert_eq!(once, twice);
    }
}
