//! Istio 1.27 to 1.31: Secret `cacerts`, and istiod's own CA service as the witness.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
use kube::{Api, Client, Resource as _};
use meshroot_api::discovery::{CitadelInfo, IstioMesh, MeshInstallation, MeshSpec};
use meshroot_api::names::{self, REVISION_ANNOTATION};
use meshroot_api::shared::{MeshType, ResourceRef};
use meshroot_api::{Mesh, Reason};
use meshroot_core::Refusal;
use serde::Deserialize;

use super::Discovered;
use crate::error::AgentError;
use crate::options::{IstiodAddress, Options};

mod cacerts;
mod control_plane;
mod probe;

pub(crate) use cacerts::{Found, Installed};

const REVISION_LABEL: &str = "istio.io/rev";
const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

/// The adapter: a client of this cluster, and where control planes are reached from here.
pub(crate) struct Istio {
    local: Client,
    namespace: String,
    addresses: Vec<IstiodAddress>,
    tokens: tokio::sync::Mutex<Option<probe::Token>>,
}

/// One control plane.
pub(crate) struct Place {
    /// Name of its Mesh.
    pub(crate) mesh: String,
    /// Its namespace, where `cacerts` belongs.
    pub(crate) namespace: String,
    /// Name of its Deployment and Service: `istiod` or `istiod-<revision>`.
    pub(crate) deployment: String,
}

impl Istio {
    pub(crate) fn new(local: Client, options: &Options) -> Self {
        let (namespace, addresses) = (options.namespace.clone(), options.istiod.clone());
        Self { local, namespace, addresses, tokens: tokio::sync::Mutex::default() }
    }

    /// Reads a Deployment `app=istiod` and its mesh configuration.
    pub(crate) async fn discover(
        &self,
        deployment: &Deployment,
        cluster: &str,
    ) -> Result<Option<Discovered>, AgentError> {
        let meta = &deployment.metadata;
        let Some(namespace) = meta.namespace.as_deref() else { return Ok(None) };
        if meta.deletion_timestamp.is_some() {
            return Ok(None);
        }
        let revision = meta.labels.as_ref().and_then(|labels| labels.get(REVISION_LABEL)).cloned();
        let revision = revision.filter(|revision| revision != "default" && !revision.is_empty());
        let trust_domain = self.trust_domain(namespace, revision.as_deref()).await?;
        let istio = IstioMesh {
            installation: MeshInstallation {
                installation_namespace: namespace.to_owned(),
                version: version(deployment).unwrap_or_default(),
            },
            citadel_info: CitadelInfo {
                trust_domain,
                citadel_namespace: namespace.to_owned(),
                citadel_service_account: service_account(deployment),
            },
        };
        let name = names::mesh(MeshType::Istio, namespace, cluster, revision.as_deref());
        let cluster = ResourceRef::new(cluster, names::SYSTEM_NAMESPACE);
        let spec = MeshSpec { istio: Some(istio), cluster, ..MeshSpec::default() };
        Ok(Some(Discovered { name, spec, revision }))
    }

    /// Where the control plane of a Mesh is in this cluster.
    pub(crate) fn place(mesh: &Mesh) -> Option<Place> {
        let istio = mesh.spec.istio.as_ref()?;
        let namespace = match istio.installation.installation_namespace.as_str() {
            "" => "istio-system",
            namespace => namespace,
        };
        let revision =
            mesh.metadata.annotations.as_ref().and_then(|all| all.get(REVISION_ANNOTATION));
        Some(Place {
            mesh: mesh.metadata.name.clone().unwrap_or_default(),
            namespace: namespace.to_owned(),
            deployment: revision
                .map_or_else(|| "istiod".to_owned(), |revision| format!("istiod-{revision}")),
        })
    }

    async fn trust_domain(
        &self,
        namespace: &str,
        revision: Option<&str>,
    ) -> Result<String, AgentError> {
        let name =
            revision.map_or_else(|| "istio".to_owned(), |revision| format!("istio-{revision}"));
        let api: Api<ConfigMap> = Api::namespaced(self.local.clone(), namespace);
        let found = api
            .get_opt(&name)
            .await
            .map_err(AgentError::read(format!("ConfigMap {namespace}/{name}")))?;
        let text = found.and_then(|map| map.data?.remove("mesh"));
        let Some(text) = text else { return Ok(DEFAULT_TRUST_DOMAIN.to_owned()) };
        let configured = configured_trust_domain(&text).map_err(|error| {
            let message = format!(
                "ConfigMap {namespace}/{name}, key mesh: is no mesh configuration: {error}"
            );
            Refusal::new(Reason::SpecInvalid, message)
        })?;
        Ok(configured.unwrap_or_else(|| DEFAULT_TRUST_DOMAIN.to_owned()))
    }
}

impl Place {
    /// The Deployment, for events.
    pub(crate) fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(Deployment::api_version(&()).into_owned()),
            kind: Some(Deployment::kind(&()).into_owned()),
            name: Some(self.deployment.clone()),
            namespace: Some(self.namespace.clone()),
            ..ObjectReference::default()
        }
    }

    /// The command that restarts it.
    pub(crate) fn restart_command(&self) -> String {
        format!("kubectl -n {} rollout restart deployment/{}", self.namespace, self.deployment)
    }
}

/// The one field of Istio's mesh configuration that matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MeshConfig {
    trust_domain: Option<String>,
}

/// A text that cannot be read is an error, not the default: the mesh would be renewed under another identity.
fn configured_trust_domain(text: &str) -> Result<Option<String>, serde_saphyr::Error> {
    let config: MeshConfig = serde_saphyr::from_str(text)?;
    Ok(config.trust_domain.filter(|domain| !domain.is_empty()))
}

fn service_account(deployment: &Deployment) -> String {
    let pod = deployment.spec.template.spec.as_ref();
    pod.and_then(|pod| pod.service_account_name.clone()).unwrap_or_else(|| "istiod".to_owned())
}

/// From the image's tag, without a digest.
fn version(deployment: &Deployment) -> Option<String> {
    let pod = deployment.spec.template.spec.as_ref()?;
    let container = pod
        .containers
        .iter()
        .find(|container| container.name == "discovery")
        .or(pod.containers.first())?;
    let image = container.image.as_deref()?.split('@').next()?;
    let (_, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    Some(tag.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn deployment(image: &str) -> Deployment {
        serde_json::from_value(serde_json::json!({
            "metadata": { "name": "istiod", "namespace": "istio-system" },
            "spec": { "selector": {}, "template": { "spec": { "serviceAccountName": "istiod-1-31", "containers": [{ "name": "discovery", "image": image }] } } },
        }))
        .unwrap()
    }

    #[test]
    fn the_version_is_the_tag_of_the_image() {
        assert_eq!(
            version(&deployment("registry.example:5000/istio/pilot:1.31.0")).as_deref(),
            Some("1.31.0")
        );
        assert_eq!(version(&deployment("istio/pilot:1.31.0@sha256:00")).as_deref(), Some("1.31.0"));
        assert_eq!(version(&deployment("registry.example:5000/istio/pilot")), None);
    }

    #[test]
    fn the_trust_domain_is_read_from_the_mesh_configuration() {
        let read = |text: &str| configured_trust_domain(text);
        let set = "accessLogFile: /dev/stdout\ntrustDomain: corp.example\n";
        assert_eq!(read(set).unwrap().as_deref(), Some("corp.example"));
        assert_eq!(read("trustDomain: \"\"\n").unwrap(), None);
        assert_eq!(read("defaultConfig: {}\n").unwrap(), None);
        assert!(read("trustDomain: [corp\n").is_err());
    }

    #[test]
    fn the_service_account_is_that_of_the_pod() {
        assert_eq!(service_account(&deployment("pilot:1")), "istiod-1-31");
    }
}
