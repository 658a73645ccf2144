//! Whole request bodies.

use serde_json::json;

use super::{body, bytes, int, nested};
use crate::decode;

#[test]
fn a_secret_is_read() {
    let metadata = [bytes(1, "token"), bytes(3, "work"), bytes(8, "")].concat();
    let entry = [bytes(1, "password"), bytes(2, b"\0\xff")].concat();
    let object =
        [bytes(1, metadata), bytes(2, entry), bytes(2, bytes(1, "empty")), bytes(3, "Opaque")]
            .concat();
    let expected = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "token", "namespace": "work"},
        "data": {"password": "AP8=", "empty": ""},
    });
    assert_eq!(decode(&body("v1", "Secret", &object)).unwrap(), expected);
}

#[test]
fn delete_options_are_read_in_every_api_version() {
    let object =
        [int(1, 0), bytes(2, bytes(1, "some-uid")), bytes(4, "Foreground"), bytes(5, "All")]
            .concat();
    for api_version in ["v1", "apps/v1", "meshroot.dev/v1alpha1"] {
        let expected = json!({
            "apiVersion": api_version, "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "preconditions": {"uid": "some-uid"}, "propagationPolicy": "Foreground", "dryRun": ["All"],
        });
        assert_eq!(decode(&body(api_version, "DeleteOptions", &object)).unwrap(), expected);
    }
}

#[test]
fn a_token_request_is_read() {
    let bound = [bytes(1, "Pod"), bytes(2, "v1"), bytes(3, "web"), bytes(4, "some-uid")].concat();
    let spec = [bytes(1, "one"), bytes(1, "two"), bytes(3, bound), int(4, 600)].concat();
    let object =
        [bytes(1, bytes(8, "")), bytes(2, spec), bytes(3, [bytes(1, ""), bytes(2, "")].concat())]
            .concat();
    let expected = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {
            "audiences": ["one", "two"], "expirationSeconds": 600,
            "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": "some-uid"},
        },
    });
    let object = decode(&body("authentication.k8s.io/v1", "TokenRequest", &object)).unwrap();
    assert_eq!(object, expected);
}

#[test]
fn an_empty_object_is_its_kind() {
    let expected = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    assert_eq!(decode(&body("v1", "ConfigMap", b"")).unwrap(), expected);
    assert_eq!(decode(&nested("v1", "ConfigMap", &["metadata"], b"")).unwrap(), expected);
}

#[test]
fn a_kind_of_two_groups_is_read_by_its_api_version() {
    let note = nested("events.k8s.io/v1", "Event", &["note"], b"seen");
    assert_eq!(decode(&note).unwrap()["note"], "seen");
    let message = nested("v1", "Event", &["message"], b"seen");
    assert_eq!(decode(&message).unwrap()["message"], "seen");
}
