//! The custom resource definitions of every kind.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use serde_json::Value;

use crate::schema;
use meshroot_api::names::{MANAGED_BY, MANAGED_BY_LABEL, PART_OF_LABEL};
use meshroot_api::{
    IssuanceRecord, KubernetesCluster, Mesh, MeshTrust, RequestApproval, RootRotation, TrustPolicy,
    VirtualMesh, VirtualMeshCertificateSigningRequest,
};

/// The group of what is added to the original API.
const MESHROOT: &str = "meshroot.dev";

/// The definition of every kind, sorted by name.
///
/// Schemas are structural and reject `null`; the original API's kinds have exactly the fields of its
/// `.proto` files; the rules in them are CEL and need Kubernetes 1.30 or later.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![
        VirtualMeshCertificateSigningRequest::crd(),
        VirtualMesh::crd(),
        Mesh::crd(),
        KubernetesCluster::crd(),
        TrustPolicy::crd(),
        MeshTrust::crd(),
        IssuanceRecord::crd(),
        RootRotation::crd(),
        RequestApproval::crd(),
    ];
    definitions.iter_mut().for_each(finish);
    definitions.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    definitions
}

/// The same definitions as they are written down.
///
/// # Errors
/// None of them gives one.
pub fn crd_objects() -> Result<Vec<Value>, serde_json::Error> {
    crds().iter().map(serde_json::to_value).collect()
}

fn finish(definition: &mut CustomResourceDefinition) {
    let labels = definition.metadata.labels.get_or_insert_default();
    for label in [MANAGED_BY_LABEL, PART_OF_LABEL] {
        labels.insert(label.to_owned(), MANAGED_BY.to_owned());
    }
    let schemas = definition.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
    for root in schemas.filter_map(|validation| validation.open_api_v3_schema.as_mut()) {
        schema::finish_root(root);
        if definition.spec.group == MESHROOT {
            schema::take_former_words(root);
        }
    }
}
