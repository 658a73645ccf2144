//! The kinds that are written and followed, and their bodies.

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use serde_json::{Value, json};

/// One kind: group, kind, plural.
pub(crate) struct Kind(&'static str, &'static str, &'static str);

pub(crate) const REQUEST: Kind = Kind(
    "security.zephyr.solo.io",
    "VirtualMeshCertificateSigningRequest",
    "virtualmeshcertificatesigningrequests",
);
pub(crate) const RECORD: Kind = Kind("meshroot.dev", "IssuanceRecord", "issuancerecords");
pub(crate) const POLICY: Kind = Kind("meshroot.dev", "TrustPolicy", "trustpolicies");
pub(crate) const VIRTUAL_MESH: Kind =
    Kind("networking.zephyr.solo.io", "VirtualMesh", "virtualmeshes");
pub(crate) const ROTATION: Kind = Kind("meshroot.dev", "RootRotation", "rootrotations");
pub(crate) const TRUST: Kind = Kind("meshroot.dev", "MeshTrust", "meshtrusts");
pub(crate) const MESH: Kind = Kind("discovery.zephyr.solo.io", "Mesh", "meshes");

impl Kind {
    pub(crate) fn api(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &self.resource())
    }

    /// Path of the collection in a namespace.
    pub(crate) fn path(&self, namespace: &str) -> String {
        format!("/apis/{}/v1alpha1/namespaces/{namespace}/{}", self.0, self.2)
    }

    pub(crate) fn resource(&self) -> ApiResource {
        ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk(self.0, "v1alpha1", self.1),
            self.2,
        )
    }

    pub(crate) fn object(&self, namespace: &str, name: &str, spec: &Value) -> DynamicObject {
        DynamicObject::new(name, &self.resource()).within(namespace).data(json!({ "spec": spec }))
    }
}

/// Namespace and name of a Mesh of the hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Where its control plane is installed, which makes its identity.
    pub(crate) installation: String,
}

impl Member {
    pub(crate) fn request(&self, virtual_mesh: &str, generation: u32) -> String {
        format!("{}.{virtual_mesh}.{generation}", self.name)
    }

    pub(crate) fn identity(&self) -> String {
        format!("spiffe://cluster.local/ns/{}/sa/istiod", self.installation)
    }

    pub(crate) fn mesh(&self) -> DynamicObject {
        let istio = json!({
            "installation": { "installationNamespace": self.installation, "version": "1.31.0" },
            "citadelInfo": { "trustDomain": "cluster.local", "citadelNamespace": self.installation, "citadelServiceAccount": "istiod" },
        });
        MESH.object(&self.namespace, &self.name, &json!({ "istio": istio }))
    }
}

/// A policy with a P-256 root: it must be there before its virtual mesh, or a root of the default kind is made.
pub(crate) fn policy(virtual_mesh: &str) -> DynamicObject {
    let spec = json!({
        "virtualMeshRef": { "name": virtual_mesh, "namespace": SYSTEM_NAMESPACE },
        "root": { "key": "ECDSA-P256" },
    });
    POLICY.object(SYSTEM_NAMESPACE, virtual_mesh, &spec)
}

pub(crate) fn virtual_mesh(name: &str, members: &[Member]) -> DynamicObject {
    let reference = |member: &Member| json!({ "name": member.name, "namespace": member.namespace });
    let meshes: Vec<Value> = members.iter().map(reference).collect();
    VIRTUAL_MESH.object(SYSTEM_NAMESPACE, name, &json!({ "meshes": meshes, "shared": {} }))
}

/// The spec of a request as the hub and agents write it.
pub(crate) fn request_spec(virtual_mesh: &str, identity: &str, csr: Option<&str>) -> Value {
    let mut spec = json!({
        "virtualMeshRef": { "name": virtual_mesh, "namespace": SYSTEM_NAMESPACE },
        "certConfig": { "hosts": [identity], "org": "Istio" },
    });
    if let Some(csr) = csr {
        spec["csrData"] = json!(csr);
    }
    spec
}

/// True once the hub has written the certificate.
pub(crate) fn is_answered(request: &DynamicObject) -> bool {
    request.data["status"]["response"]["caCertificate"]
        .as_str()
        .is_some_and(|text| !text.is_empty())
}
