//! What an original client writes survives our types; what they write, an original client takes.

use meshroot_api::discovery::{KubernetesClusterSpec, MeshSpec, MeshStatus};
use meshroot_api::networking::{VirtualMeshSpec, VirtualMeshStatus};
use meshroot_api::security::{
    VirtualMeshCertificateSigningRequestSpec as RequestSpec,
    VirtualMeshCertificateSigningRequestStatus as RequestStatus,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
    Value as ProtoValue,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::messages::{KINDS, message, read, written};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_request_survives(original in any_message(&message(KINDS[0].1))) {
        survives::<RequestSpec>(&original)?;
    }

    #[test]
    fn the_status_of_a_request_survives(original in any_message(&message(KINDS[0].2.unwrap()))) {
        survives::<RequestStatus>(&original)?;
    }

    #[test]
    fn a_virtual_mesh_survives(original in any_message(&message(KINDS[1].1))) {
        survives::<VirtualMeshSpec>(&original)?;
    }

    #[test]
    fn the_status_of_a_virtual_mesh_survives(original in any_message(&message(KINDS[1].2.unwrap()))) {
        survives::<VirtualMeshStatus>(&original)?;
    }

    #[test]
    fn a_mesh_survives(original in any_message(&message(KINDS[2].1))) {
        survives::<MeshSpec>(&original)?;
    }

    #[test]
    fn the_status_of_a_mesh_survives(original in any_message(&message(KINDS[2].2.unwrap()))) {
        survives::<MeshStatus>(&original)?;
    }

    #[test]
    fn a_kubernetes_cluster_survives(original in any_message(&message(KINDS[3].1))) {
        survives::<KubernetesClusterSpec>(&original)?;
    }
}

fn survives<T: Serialize + DeserializeOwned>(original: &DynamicMessage) -> TestCaseResult {
    let json = written(original, false);
    let ours: T = serde_json::from_value(json.clone()).map_err(|error| fail(&error, &json))?;
    let again = serde_json::to_value(&ours).map_err(|error| fail(&error, &json))?;
    let read_again = read(&original.descriptor(), &again).map_err(TestCaseError::fail)?;
    let mut expected = original.clone();
    drop_empty_messages(&mut expected);
    let expected = written(&expected, false);
    prop_assert_eq!(&written(&read_again, false), &expected);
    // What an original client would have written itself: no default, no other spelling.
    prop_assert_eq!(again, expected);
    Ok(())
}

fn fail(error: &serde_json::Error, json: &serde_json::Value) -> TestCaseError {
    TestCaseError::fail(format!("{error}: {json}"))
}

/// A message without fields is the same as an absent one, unless it is one of several.
fn drop_empty_messages(message: &mut DynamicMessage) {
    for field in message.descriptor().fields() {
        if !message.has_field(&field) || field.is_list() {
            continue;
        }
        if let ProtoValue::Message(inner) = message.get_field_mut(&field)
            && inner.descriptor().full_name() != "google.protobuf.Timestamp"
        {
            drop_empty_messages(inner);
            if field.containing_oneof().is_none() && written(inner, false) == serde_json::json!({})
            {
                message.clear_field(&field);
            }
        }
    }
}

/// Any message of a kind: each field set or not, of several that exclude each other one or none.
fn any_message(descriptor: &MessageDescriptor) -> BoxedStrategy<DynamicMessage> {
    let plain = descriptor.fields().filter(|field| field.containing_oneof().is_none());
    let mut parts: Vec<BoxedStrategy<Option<(FieldDescriptor, ProtoValue)>>> =
        plain.map(|field| prop::option::of(any_field(&field)).boxed()).collect();
    for oneof in descriptor.oneofs() {
        let choices: Vec<_> = oneof.fields().map(|field| any_field(&field)).collect();
        parts.push(prop::option::of(prop::strategy::Union::new(choices)).boxed());
    }
    let descriptor = descriptor.clone();
    let build = move |fields: Vec<Option<(FieldDescriptor, ProtoValue)>>| {
        let mut message = DynamicMessage::new(descriptor.clone());
        fields.into_iter().flatten().for_each(|(field, value)| message.set_field(&field, value));
        message
    };
    parts.prop_map(build).boxed()
}

fn any_field(field: &FieldDescriptor) -> BoxedStrategy<(FieldDescriptor, ProtoValue)> {
    let (value, field) = (any_value(field), field.clone());
    if field.is_list() {
        let list = prop::collection::vec(value, 0..4).prop_map(ProtoValue::List);
        return list.prop_map(move |value| (field.clone(), value)).boxed();
    }
    value.prop_map(move |value| (field.clone(), value)).boxed()
}

fn any_value(field: &FieldDescriptor) -> BoxedStrategy<ProtoValue> {
    match field.kind() {
        Kind::Bool => any::<bool>().prop_map(ProtoValue::Bool).boxed(),
        Kind::Uint32 => any::<u32>().prop_map(ProtoValue::U32).boxed(),
        Kind::String => any::<String>().prop_map(ProtoValue::String).boxed(),
        Kind::Bytes => prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|bytes| ProtoValue::Bytes(bytes.into()))
            .boxed(),
        Kind::Enum(word) => {
            let numbers: Vec<_> = word.values().map(|value| value.number()).collect();
            prop::sample::select(numbers).prop_map(ProtoValue::EnumNumber).boxed()
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            any_time(&message).prop_map(ProtoValue::Message).boxed()
        }
        Kind::Message(message) => any_message(&message).prop_map(ProtoValue::Message).boxed(),
        other => panic!("no field of the original is a {other:?}"),
    }
}

/// Whole seconds from the year 1 to the year 9999, as RFC 3339 has them.
fn any_time(timestamp: &MessageDescriptor) -> BoxedStrategy<DynamicMessage> {
    let timestamp = timestamp.clone();
    let seconds = -62_135_596_800_i64..253_402_300_799;
    let build = move |seconds| {
        let mut message = DynamicMessage::new(timestamp.clone());
        message.set_field_by_name("seconds", ProtoValue::I64(seconds));
        message
    };
    seconds.prop_map(build).boxed()
}
