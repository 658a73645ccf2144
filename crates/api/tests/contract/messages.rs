//! The `.proto` files, compiled, and the kinds that they describe.

use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

/// The files under `proto/`.
pub(crate) const FILES: [&str; 5] = [
    "core/v1alpha1/core.proto",
    "security/v1alpha1/certificates.proto",
    "networking/v1alpha1/virtual_mesh.proto",
    "discovery/v1alpha1/mesh.proto",
    "discovery/v1alpha1/kubernetes_cluster.proto",
];

/// Each kind with its message for `spec`, and that for `status` where it has one.
pub(crate) const KINDS: [(&str, &str, Option<&str>); 4] = [
    (
        "VirtualMeshCertificateSigningRequest",
        "security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec",
        Some("security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus"),
    ),
    (
        "VirtualMesh",
        "networking.zephyr.solo.io.VirtualMeshSpec",
        Some("networking.zephyr.solo.io.VirtualMeshStatus"),
    ),
    ("Mesh", "discovery.zephyr.solo.io.MeshSpec", Some("discovery.zephyr.solo.io.MeshStatus")),
    ("KubernetesCluster", "discovery.zephyr.solo.io.KubernetesClusterSpec", None),
];

/// `enforceAccessControl` was a boolean, then an enum under the same number: JSON may hold either.
pub(crate) const BOOLEAN_OR_WORD: &str =
    "networking.zephyr.solo.io.VirtualMeshSpec.enforce_access_control";

pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let files = protox::compile(FILES, [root]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
});

pub(crate) fn message(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(name).unwrap()
}

/// Every message that is ours.
pub(crate) fn messages() -> impl Iterator<Item = MessageDescriptor> {
    POOL.all_messages().filter(|message| message.package_name().ends_with(".zephyr.solo.io"))
}

/// Reads JSON as an original client does: a field that it does not know is an error.
pub(crate) fn read(descriptor: &MessageDescriptor, json: &Value) -> Result<DynamicMessage, String> {
    let text = json.to_string();
    let mut reader = serde_json::Deserializer::from_str(&text);
    DynamicMessage::deserialize(descriptor.clone(), &mut reader)
        .map_err(|error| format!("{error}: {text}"))
}

/// Canonical proto3 JSON; with every default written out where `defaults`.
pub(crate) fn written(message: &DynamicMessage, defaults: bool) -> Value {
    let options = SerializeOptions::new().skip_default_fields(!defaults);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}
