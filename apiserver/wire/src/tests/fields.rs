//! How fields stand in JSON.

use serde_json::{Value, json};

use super::{bytes, double, int, nested};
use crate::decode;

const APPS: &str = "apps/v1";
const SCHEMA: [&str; 4] = ["spec", "versions", "schema", "openAPIV3Schema"];

fn read(api_version: &str, kind: &str, path: &[&str], leaf: &[u8]) -> Value {
    let mut object = decode(&nested(api_version, kind, path, leaf)).unwrap();
    for name in path.iter().filter(|name| **name != "-") {
        let mut inner = object[*name].take();
        object = if inner.is_array() { inner[0].take() } else { inner };
    }
    object
}

fn schema(leaf: &[u8]) -> Value {
    read("apiextensions.k8s.io/v1", "CustomResourceDefinition", &SCHEMA, leaf)
}

#[test]
fn a_zero_is_kept_where_its_presence_counts() {
    // replicas is a pointer in Go, minReadySeconds is not.
    assert_eq!(
        read(APPS, "Deployment", &["spec"], &[int(1, 0), int(5, 0)].concat()),
        json!({"replicas": 0})
    );
    assert_eq!(read("v1", "ConfigMap", &[], &[int(4, 0)].concat())["immutable"], false);
}

#[test]
fn the_last_of_repeated_values_counts_and_messages_merge() {
    let metadata =
        [bytes(1, [bytes(1, "a"), bytes(3, "b")].concat()), bytes(1, bytes(1, ""))].concat();
    assert_eq!(read("v1", "ConfigMap", &[], &metadata)["metadata"], json!({"namespace": "b"}));
}

#[test]
fn an_inline_message_stands_in_the_outer_object() {
    let volumes = ["spec", "template", "spec", "volumes"];
    // Volume { name, volumeSource { emptyDir {} } }
    let volume = [bytes(1, "scratch"), bytes(2, bytes(2, ""))].concat();
    assert_eq!(
        read(APPS, "Deployment", &volumes, &volume),
        json!({"name": "scratch", "emptyDir": {}})
    );
}

#[test]
fn elements_and_entries_are_kept_though_zero() {
    let metadata = [bytes(11, bytes(1, "label")), bytes(14, "")].concat();
    let expected = json!({"labels": {"label": ""}, "finalizers": [""]});
    assert_eq!(read("v1", "ConfigMap", &["metadata"], &metadata), expected);
}

#[test]
fn numbers_may_be_packed() {
    let groups = |leaf: &[u8]| read("v1", "Pod", &["spec", "securityContext"], leaf);
    let expected = json!({"supplementalGroups": [1, 300]});
    assert_eq!(groups(&[int(4, 1), int(4, 300)].concat()), expected);
    assert_eq!(groups(&bytes(4, b"\x01\xac\x02")), expected);
}

#[test]
fn times_are_rfc_3339() {
    let time = [int(1, 1_700_000_000), int(2, 123_456_789)].concat();
    let metadata = json!({"creationTimestamp": "2023-11-14T22:13:20Z"});
    assert_eq!(read("v1", "ConfigMap", &["metadata"], &bytes(8, &time)), metadata);
    let lease = json!({"renewTime": "2023-11-14T22:13:20.123456Z"});
    assert_eq!(read("coordination.k8s.io/v1", "Lease", &["spec"], &bytes(4, &time)), lease);
}

#[test]
fn an_int_or_string_is_either() {
    let port = |target: &[u8]| {
        read("v1", "Service", &["spec", "ports"], &[int(3, 80), bytes(4, target)].concat())
    };
    let number = [int(1, 0), int(2, 8080), bytes(3, "")].concat();
    assert_eq!(port(&number), json!({"port": 80, "targetPort": 8080}));
    let name = [int(1, 1), int(2, 0), bytes(3, "http")].concat();
    assert_eq!(port(&name), json!({"port": 80, "targetPort": "http"}));
    assert_eq!(port(&[int(1, 0), int(2, 0), bytes(3, "")].concat()), json!({"port": 80}));
    let budget = read(
        "policy/v1",
        "PodDisruptionBudget",
        &["spec"],
        &bytes(1, [int(1, 0), int(2, 0)].concat()),
    );
    assert_eq!(budget, json!({"minAvailable": 0}));
}

#[test]
fn quantities_are_text_and_zero_by_themselves() {
    let entry = |key: &str, value: &[u8]| bytes(1, [bytes(1, key), bytes(2, value)].concat());
    let limits = [entry("cpu", &bytes(1, "250m")), entry("memory", b"")].concat();
    let resources = read("v1", "Pod", &["spec", "containers", "resources"], &limits);
    assert_eq!(resources, json!({"limits": {"cpu": "250m", "memory": "0"}}));
}

#[test]
fn json_inside_is_unpacked() {
    let fields = bytes(7, bytes(1, r#"{"f:data":{".":{}}}"#));
    let managed = read("v1", "ConfigMap", &["metadata", "managedFields"], &fields);
    assert_eq!(managed, json!({"fieldsV1": {"f:data": {".": {}}}}));
    assert_eq!(schema(&bytes(8, bytes(1, "[1,null]"))), json!({"default": [1, null]}));
    let zeros =
        ["null", "\"\"", "0", "false", "{}", "[]"].map(|text| bytes(20, bytes(1, text))).concat();
    assert_eq!(
        schema(&[zeros, bytes(20, "")].concat()),
        json!({"enum": [null, "", 0, false, {}, [], null]})
    );
    assert_eq!(schema(&bytes(8, bytes(1, "\"\""))), json!({"default": ""}));
}

#[test]
fn a_choice_is_the_value_chosen() {
    let string = bytes(5, "string");
    let text = json!({"type": "string"});
    // items: a schema, or a list of them
    assert_eq!(schema(&bytes(24, bytes(1, &string))), json!({"items": text}));
    assert_eq!(
        schema(&bytes(24, [bytes(2, &string), bytes(2, "")].concat())),
        json!({"items": [text, {}]})
    );
    // additionalProperties: a schema, or a boolean
    let additional = |allows, schema: &[u8]| [int(1, allows), schema.to_vec()].concat();
    assert_eq!(
        schema(&bytes(30, additional(1, &bytes(2, &string)))),
        json!({"additionalProperties": text})
    );
    assert_eq!(schema(&bytes(30, additional(1, b""))), json!({"additionalProperties": true}));
    assert_eq!(schema(&bytes(30, additional(0, b""))), json!({"additionalProperties": false}));
    assert_eq!(schema(&bytes(30, b"")), json!({"additionalProperties": false}));
    // extra: a list of strings in a message
    let extra =
        bytes(5, [bytes(1, "key"), bytes(2, [bytes(1, "a"), bytes(1, "b")].concat())].concat());
    let review = read("authorization.k8s.io/v1", "SubjectAccessReview", &["spec"], &extra);
    assert_eq!(review, json!({"extra": {"key": ["a", "b"]}}));
}

#[test]
fn names_are_those_of_json() {
    assert_eq!(schema(&int(38, 1)), json!({"x-kubernetes-preserve-unknown-fields": true}));
    assert_eq!(schema(&bytes(3, "#/a")), json!({"$ref": "#/a"}));
}

#[test]
fn a_whole_number_has_no_point() {
    assert_eq!(schema(&double(11, 0.0)).to_string(), r#"{"minimum":0}"#);
    assert_eq!(schema(&double(11, -12.0)).to_string(), r#"{"minimum":-12}"#);
    assert_eq!(schema(&double(11, 0.5)).to_string(), r#"{"minimum":0.5}"#);
    assert_eq!(schema(&double(11, f64::NAN)), json!({}));
}

#[test]
fn an_unknown_field_is_skipped() {
    let unknown = [bytes(9000, "x"), int(9001, 1), double(9002, 1.0), bytes(1, "a")].concat();
    assert_eq!(read("v1", "ConfigMap", &["metadata"], &unknown), json!({"name": "a"}));
}
