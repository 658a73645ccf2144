//! `discovery.zephyr.solo.io`: meshes and the clusters that they run in.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::is_default;
use crate::rules;
use crate::shared::{MeshType, ResourceRef};

/// One service mesh control plane in one cluster.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[kube(
    group = "discovery.zephyr.solo.io",
    version = "v1alpha1",
    kind = "Mesh",
    plural = "meshes",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    status = "MeshStatus",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.cluster.name"),
    printcolumn(name = "Istio", type_ = "string", json_path = ".spec.istio.installation.version"),
    printcolumn(
        name = "Trust Domain",
        type_ = "string",
        json_path = ".spec.istio.citadelInfo.trustDomain"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.istio), has(self.awsAppMesh), has(self.linkerd), has(self.consulConnect)].filter(set, set).size() <= 1",
    "message": "set one of istio, awsAppMesh, linkerd, consulConnect",
}]))]
pub struct MeshSpec {
    /// An Istio control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub istio: Option<IstioMesh>,
    /// An AWS App Mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_app_mesh: Option<AwsAppMesh>,
    /// A Linkerd control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linkerd: Option<LinkerdMesh>,
    /// A Consul Connect installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consul_connect: Option<ConsulConnectMesh>,
    /// The cluster that it runs in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cluster: ResourceRef,
}

impl MeshSpec {
    /// Where its control plane is installed, of those types that say so.
    pub fn installation(&self) -> Option<&MeshInstallation> {
        let istio = self.istio.as_ref().map(|mesh| &mesh.installation);
        let linkerd = self.linkerd.as_ref().map(|mesh| &mesh.installation);
        let consul = self.consul_connect.as_ref().map(|mesh| &mesh.installation);
        istio.or(linkerd).or(consul)
    }

    /// The type, where one is set.
    pub fn mesh_type(&self) -> Option<MeshType> {
        if self.istio.is_some() {
            Some(MeshType::Istio)
        } else if self.linkerd.is_some() {
            Some(MeshType::Linkerd)
        } else if self.consul_connect.is_some() {
            Some(MeshType::Consul)
        } else if self.aws_app_mesh.is_some() {
            Some(MeshType::AppMesh)
        } else {
            None
        }
    }
}

/// The original kind has a status without fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeshStatus {}

/// Where a control plane is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeshInstallation {
    /// Namespace of the control plane.
    #[serde(default, skip_serializing_if = "is_default")]
    pub installation_namespace: String,
    /// Version of the control plane.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: String,
}

/// An Istio control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IstioMesh {
    /// Where it is installed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub installation: MeshInstallation,
    /// Its certificate authority (Citadel, since 1.5 a part of istiod).
    #[serde(default, skip_serializing_if = "is_default")]
    pub citadel_info: CitadelInfo,
}

/// Istio's certificate authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CitadelInfo {
    /// SPIFFE trust domain; `cluster.local` where absent.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "rules::trust_domain")]
    pub trust_domain: String,
    /// Its namespace; that of the installation where absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub citadel_namespace: String,
    /// Its service account; `istiod` where absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub citadel_service_account: String,
}

/// An AWS App Mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAppMesh {
    /// Name of the mesh.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: String,
    /// AWS region.
    #[serde(default, skip_serializing_if = "is_default")]
    pub region: String,
    /// AWS account.
    #[serde(default, skip_serializing_if = "is_default")]
    pub aws_account_id: String,
    /// Kubernetes clusters that run its workloads.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 100))]
    pub clusters: Vec<String>,
}

/// A Linkerd control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkerdMesh {
    /// Where it is installed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub installation: MeshInstallation,
    /// Cluster domain, which is the trust domain; `cluster.local` where absent.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "rules::trust_domain")]
    pub cluster_domain: String,
}

/// A Consul Connect installation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsulConnectMesh {
    /// Where it is installed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub installation: MeshInstallation,
}

/// A Kubernetes cluster that takes part.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[kube(
    group = "discovery.zephyr.solo.io",
    version = "v1alpha1",
    kind = "KubernetesCluster",
    plural = "kubernetesclusters",
    category = "meshroot",
    namespaced,
    derive = "PartialEq",
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Cloud", type_ = "string", json_path = ".spec.cloud"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesClusterSpec {
    /// Secret with a kubeconfig, for clusters that the hub must reach by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub secret_ref: ResourceRef,
    /// Context within that kubeconfig; its current-context where absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: String,
    /// Kubernetes version.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: String,
    /// Cloud provider.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cloud: String,
    /// Namespace that is written to in that cluster; `service-mesh-hub` where absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub write_namespace: String,
}
