//! Absent and default mean the same, and no default is written.

use std::fmt::Debug;

use meshroot_api::discovery::{KubernetesClusterSpec, MeshSpec, MeshStatus};
use meshroot_api::networking::{VirtualMeshSpec, VirtualMeshStatus};
use meshroot_api::security::{
    VirtualMeshCertificateSigningRequestSpec as RequestSpec,
    VirtualMeshCertificateSigningRequestStatus as RequestStatus,
};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value as ProtoValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::messages::{KINDS, message, read, written};

#[test]
fn our_types_write_no_default_and_read_every_default_that_is_written_out() {
    let [request, virtual_mesh, mesh, cluster] = KINDS;
    assert_defaults::<RequestSpec>(request.1);
    assert_defaults::<RequestStatus>(request.2.unwrap());
    assert_defaults::<VirtualMeshSpec>(virtual_mesh.1);
    assert_defaults::<VirtualMeshStatus>(virtual_mesh.2.unwrap());
    assert_defaults::<MeshSpec>(mesh.1);
    assert_defaults::<MeshStatus>(mesh.2.unwrap());
    assert_defaults::<KubernetesClusterSpec>(cluster.1);
}

#[test]
fn access_control_stays_as_it_was_written_in_either_form() {
    for form in [json!(true), json!("MESH_DEFAULT"), json!("ENABLED"), json!("DISABLED")] {
        let json = json!({ "enforceAccessControl": form });
        let ours: VirtualMeshSpec = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&ours).unwrap(), json);
        let in_first_form = read(&message(KINDS[1].1), &json).is_ok();
        assert_eq!(in_first_form, form.is_boolean(), "the published form is the first one");
    }
}

#[test]
fn a_time_with_a_fraction_is_read_and_written_in_whole_seconds() {
    let json =
        json!({ "thirdPartyApproval": { "lastUpdatedTime": "2026-01-01T00:00:00.123456789Z" } });
    let ours: RequestStatus = serde_json::from_value(json).unwrap();
    let seconds = json!({ "thirdPartyApproval": { "lastUpdatedTime": "2026-01-01T00:00:00Z" } });
    assert_eq!(serde_json::to_value(&ours).unwrap(), seconds);
}

fn assert_defaults<T>(name: &str)
where
    T: Default + Debug + PartialEq + Serialize + DeserializeOwned,
{
    assert_eq!(serde_json::to_value(T::default()).unwrap(), json!({}), "{name}");
    assert_eq!(serde_json::from_value::<T>(json!({})).unwrap(), T::default(), "{name}");
    let descriptor = message(name);
    let written_out = written(&with_empty_messages(&descriptor), true);
    assert_eq!(
        serde_json::from_value::<T>(written_out.clone()).unwrap(),
        T::default(),
        "{name}: {written_out}"
    );
}

/// A message in which every message is set to one without fields, at any depth, so that all defaults are
/// written out; without those whose presence says something.
fn with_empty_messages(descriptor: &MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in
        descriptor.fields().filter(|field| field.containing_oneof().is_none() && !field.is_list())
    {
        if let Kind::Message(inner) = field.kind()
            && inner.full_name() != "google.protobuf.Timestamp"
        {
            message.set_field(&field, ProtoValue::Message(with_empty_messages(&inner)));
        }
    }
    message
}
