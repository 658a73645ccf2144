//! Bodies that are refused.

use super::{body, bytes, int, nested};
use crate::{DEPTH_LIMIT, DecodeError, WireError, decode};

fn fault(body: &[u8]) -> String {
    decode(body).unwrap_err().to_string()
}

#[test]
fn a_body_without_the_magic_is_refused() {
    for body in [b"".as_slice(), b"k8s", b"k8s\x01", br#"{"kind":"Secret"}"#] {
        assert!(matches!(decode(body), Err(DecodeError::Magic)), "{body:?}");
    }
}

#[test]
fn an_unknown_kind_is_named() {
    let expected =
        "no protobuf message is known for kind \"Widget\" in API version \"shop/v1\"; send it as JSON".to_owned();
    assert_eq!(fault(&body("shop/v1", "Widget", b"")), expected);
    assert!(matches!(decode(&body("v2", "Secret", b"")), Err(DecodeError::UnknownKind { .. })));
    assert!(matches!(decode(b"k8s\0"), Err(DecodeError::UnknownKind { .. })));
}

#[test]
fn a_compressed_object_is_refused() {
    let encoded = [body("v1", "Secret", b""), bytes(3, "gzip")].concat();
    assert!(matches!(decode(&encoded), Err(DecodeError::ContentEncoding(name)) if name == "gzip"));
}

#[test]
fn an_object_that_ends_early_is_refused() {
    let envelope = body("v1", "Secret", b"").len() - 6;
    let whole = body("v1", "Secret", &bytes(1, [bytes(1, "token"), bytes(3, "work")].concat()));
    // The last two fields of the envelope are empty.
    for end in envelope + 1..whole.len() - 4 {
        let error = decode(&whole[..end]).unwrap_err();
        let truncated = WireError::Truncated;
        assert!(
            matches!(error, DecodeError::Wire { fault, .. } if fault == truncated),
            "{end}: {error}"
        );
    }
}

#[test]
fn a_length_beyond_the_message_is_refused() {
    let inner = [b"\x0a\xff\xff\xff\xff\x07".as_slice(), b"short"].concat();
    let error = decode(&nested("v1", "Secret", &["metadata"], &inner)).unwrap_err();
    let truncated = WireError::Truncated;
    assert!(
        matches!(error, DecodeError::Wire { message: "meta.ObjectMeta", fault } if fault == truncated),
        "{error}"
    );
}

#[test]
fn a_field_of_another_wire_type_is_refused() {
    assert_eq!(
        fault(&nested("v1", "Secret", &["metadata"], &int(1, 5))),
        "meta.ObjectMeta: field 1 is of wire type varint; it must be length-delimited"
    );
    let replicas = nested("apps/v1", "Deployment", &["spec"], &bytes(1, "12"));
    assert_eq!(
        fault(&replicas),
        "apps.DeploymentSpec: field 1 is of wire type length-delimited; it must be varint"
    );
}

#[test]
fn nesting_is_limited() {
    let path =
        |not| [vec!["spec", "versions", "schema", "openAPIV3Schema"], vec!["not"; not]].concat();
    let read = |not: usize| {
        decode(&nested("apiextensions.k8s.io/v1", "CustomResourceDefinition", &path(not), b""))
    };
    // Five messages are around the first `not`.
    assert!(read(DEPTH_LIMIT - 5).is_ok());
    assert!(matches!(
        read(DEPTH_LIMIT - 4),
        Err(DecodeError::TooDeep { message: "apiextensions.JSONSchemaProps" })
    ));
    assert!(matches!(read(10_000), Err(DecodeError::TooDeep { .. })));
}

#[test]
fn json_inside_is_limited_too() {
    let deep = bytes(1, "[".repeat(100_000));
    let path = ["spec", "versions", "schema", "openAPIV3Schema", "default"];
    let body = nested("apiextensions.k8s.io/v1", "CustomResourceDefinition", &path, &deep);
    assert!(matches!(decode(&body), Err(DecodeError::Json { .. })));
}

#[test]
fn text_that_is_not_utf_8_is_refused_without_its_bytes() {
    let error = fault(&nested("v1", "Secret", &["metadata"], &bytes(1, b"hidden\xff")));
    assert_eq!(error, "meta.ObjectMeta.name is not UTF-8");
}

#[test]
fn broken_json_is_refused_without_its_text() {
    let body =
        nested("v1", "ConfigMap", &["metadata", "managedFields", "fieldsV1"], &bytes(1, "{hidden"));
    assert_eq!(fault(&body), "meta.FieldsV1.Raw holds no JSON: line 1, column 2");
}

#[test]
fn a_time_out_of_range_is_refused() {
    let body = nested("v1", "ConfigMap", &["metadata", "creationTimestamp"], &int(1, i64::MAX));
    assert!(matches!(
        decode(&body),
        Err(DecodeError::Time { field: "creationTimestamp", seconds: i64::MAX, .. })
    ));
}

#[test]
fn an_int_or_string_of_a_third_type_is_refused() {
    let body = nested("policy/v1", "PodDisruptionBudget", &["spec", "minAvailable"], &int(1, 2));
    let expected = "policy.PodDisruptionBudgetSpec.minAvailable is of type 2; it must be 0 (a number) or 1 (a string)";
    assert_eq!(fault(&body), expected);
}
