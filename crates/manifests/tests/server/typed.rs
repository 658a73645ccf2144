//! What the Rust types write, the schemas take, and give back unchanged.

use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::Resource;
use kube::api::{Api, PostParams};
use kube::core::NamespaceResourceScope;
use meshroot_api::discovery::{KubernetesClusterSpec, MeshSpec};
use meshroot_api::networking::VirtualMeshSpec;
use meshroot_api::policy::{KeyAlgorithm, RootStatus, TrustPolicySpec, TrustPolicyStatus};
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec;
use meshroot_api::trust::{Loaded, MeshTrustSpec, MeshTrustStatus};
use meshroot_api::{
    KubernetesCluster, Mesh, MeshTrust, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::setup::{EAST, Server, with_definitions};

#[tokio::test]
async fn an_object_with_nothing_but_defaults_is_taken_and_given_back() {
    let server = with_definitions().await;
    let request = VirtualMeshCertificateSigningRequestSpec::default();
    let request = VirtualMeshCertificateSigningRequest::new("typed", request);
    assert_eq!(stored(&server, &request).await.spec, request.spec);
    let mesh = VirtualMesh::new("typed", VirtualMeshSpec::default());
    assert_eq!(stored(&server, &mesh).await.spec, mesh.spec);
    let mesh = Mesh::new("typed", MeshSpec::default());
    assert_eq!(stored(&server, &mesh).await.spec, mesh.spec);
    let cluster = KubernetesCluster::new("typed", KubernetesClusterSpec::default());
    assert_eq!(stored(&server, &cluster).await.spec, cluster.spec);
    let policy = TrustPolicy::new("typed", TrustPolicySpec::default());
    assert_eq!(stored(&server, &policy).await.spec, policy.spec);
}

#[tokio::test]
async fn a_status_with_half_of_its_fields_is_taken_and_given_back() {
    let server = with_definitions().await;
    let mut policy = stored(&server, &TrustPolicy::new("half", TrustPolicySpec::default())).await;
    let status = TrustPolicyStatus {
        roots: vec![RootStatus::default()],
        conditions: vec![ready()],
        ..TrustPolicyStatus::default()
    };
    policy.status = Some(status);
    assert_eq!(with_status(&server, &policy).await.status, policy.status);

    let spec = MeshTrustSpec {
        request: "mesh.demo.1".to_owned(),
        trust_anchors: String::new(),
        key: KeyAlgorithm::EcdsaP256,
        renew_at_percent: 67,
        adopt: meshroot_api::policy::Adopt::default(),
        restart: meshroot_api::policy::Restart::default(),
        chain_certificates: None,
        rotation: None,
    };
    let mut trust = stored(&server, &MeshTrust::new("half", spec)).await;
    trust.status =
        Some(MeshTrustStatus { loaded: Some(Loaded::default()), ..MeshTrustStatus::default() });
    assert_eq!(with_status(&server, &trust).await.status, trust.status);
}

async fn stored<K>(server: &Server, object: &K) -> K
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(server.admin().await, EAST);
    api.create(&PostParams::default(), object).await.unwrap()
}

async fn with_status<K>(server: &Server, object: &K) -> K
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(server.admin().await, EAST);
    let name = object.meta().name.clone().unwrap();
    api.replace_status(&name, &PostParams::default(), object).await.unwrap()
}

fn ready() -> Condition {
    Condition {
        type_: "Ready".to_owned(),
        status: "False".to_owned(),
        reason: "Issuing".to_owned(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }
}
