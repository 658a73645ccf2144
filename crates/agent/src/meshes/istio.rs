//! Istio 1.27 to 1.31: Secret `cacerts`, and istiod's own CA service as the witness.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Api, Client};
use meshroot_api::discovery::{CitadelInfo, IstioMesh, MeshInstallation, MeshSpec};
use meshroot_api::names::{self, REVISION_ANNOTATION};
use meshroot_api::shared::{MeshType, ResourceRef};
use meshroot_api::trust::OwnAuthority;
use meshroot_api::{Mesh, Reason};
use meshroot_core::Refusal;
use meshroot_core::mesh::{Found, LEAF_LIFETIME};
use meshroot_core::meshes::istio::{DEFAULT_NAMESPACE, cacerts::SECRET};
use meshroot_core::meshes::{self, ControlPlane, DEFAULT_TRUST_DOMAIN, Kind};
use meshroot_core::pickup::Seen;
use meshroot_pki::Certificate;
use meshroot_runtime::process::clock;
use serde::Deserialize;

use super::{Adapter, Bundle, Discovered, Holding};
use crate::error::AgentError;
use crate::options::{IstiodAddress, Options};

mod cacerts;
mod control_plane;
mod probe;
mod settings;

/// In characters.
const LONGEST_SUBJECT: usize = 256;

const REVISION_LABEL: &str = "istio.io/rev";

/// The adapter: a client of this cluster, and where control planes are reached from here.
pub(super) struct Istio {
    local: Client,
    namespace: String,
    addresses: Vec<IstiodAddress>,
    /// Deployments that may be restarted.
    restart: Vec<String>,
    tokens: tokio::sync::Mutex<Option<probe::Token>>,
}

impl Istio {
    pub(super) fn new(local: Client, options: &Options) -> Self {
        let (namespace, addresses) = (options.namespace.clone(), options.istiod.clone());
        let restart = options.restart.clone();
        Self { local, namespace, addresses, restart, tokens: tokio::sync::Mutex::default() }
    }

    async fn trust_domain(
        &self,
        namespace: &str,
        revision: Option<&str>,
    ) -> Result<String, AgentError> {
        let config = self.mesh_config(namespace, revision).await?;
        Ok(config.configured_trust_domain().unwrap_or(DEFAULT_TRUST_DOMAIN).to_owned())
    }

    /// The CA that a control plane signs with and Meshroot did not make, if it has one.
    async fn own_authority(
        &self,
        place: &ControlPlane,
    ) -> Result<Option<OwnAuthority>, AgentError> {
        let found = self.find_secret(place, &[], clock::now()).await?.found;
        let (self_signed, own) = match found {
            Found::SelfSigned(own) => (true, own),
            Found::Foreign { own: Some(own), .. } => (false, own),
            _ => return Ok(None),
        };
        let settings = self.settings(place).await;
        Ok(Some(OwnAuthority {
            self_signed,
            // The hub takes annotations up to a length.
            subject: own.certificate.subject().to_string().chars().take(LONGEST_SUBJECT).collect(),
            not_after: Time(own.certificate.not_after()),
            anchors_live: settings.is_some_and(|settings| settings.anchors_live),
            leaf_lifetime_seconds: settings
                .map_or(LEAF_LIFETIME, |settings| settings.leaf_lifetime)
                .as_secs(),
        }))
    }

    /// The mesh configuration of a control plane; the default where there is none.
    async fn mesh_config(
        &self,
        namespace: &str,
        revision: Option<&str>,
    ) -> Result<MeshConfig, AgentError> {
        let name =
            revision.map_or_else(|| "istio".to_owned(), |revision| format!("istio-{revision}"));
        let api: Api<ConfigMap> = Api::namespaced(self.local.clone(), namespace);
        let found = api
            .get_opt(&name)
            .await
            .map_err(AgentError::read(format!("ConfigMap {namespace}/{name}")))?;
        let text = found.and_then(|map| map.data?.remove("mesh"));
        let Some(text) = text else { return Ok(MeshConfig::default()) };
        // A text that cannot be read is an error, not the default: the mesh would be renewed under another identity.
        serde_saphyr::from_str(&text).map_err(|error| {
            let message = format!(
                "ConfigMap {namespace}/{name}, key mesh: is no mesh configuration: {error}"
            );
            Refusal::new(Reason::SpecInvalid, message).into()
        })
    }
}

#[async_trait]
impl Adapter for Istio {
    fn kind(&self) -> &'static Kind {
        meshes::of(MeshType::Istio)
    }

    /// Reads a Deployment `app=istiod` and its mesh configuration.
    async fn discover(
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
        let name = names::mesh(MeshType::Istio, namespace, cluster, revision.as_deref());
        let spec = MeshSpec {
            istio: Some(istio(deployment, namespace, trust_domain)),
            cluster: ResourceRef::new(cluster, names::SYSTEM_NAMESPACE),
            ..MeshSpec::default()
        };
        let annotations =
            revision.map(|revision| (REVISION_ANNOTATION.to_owned(), revision)).into_iter();
        let annotations = annotations.collect();
        let place = ControlPlane {
            mesh: name.clone(),
            namespace: namespace.to_owned(),
            deployment: meta.name.clone().unwrap_or_default(),
            may_restart: false,
            secret: SECRET,
        };
        let own_authority = self.own_authority(&place).await;
        Ok(Some(Discovered { name, spec, annotations, own_authority }))
    }

    fn place(&self, mesh: &Mesh) -> Option<ControlPlane> {
        let istio = mesh.spec.istio.as_ref()?;
        let namespace = match istio.installation.installation_namespace.as_str() {
            "" => DEFAULT_NAMESPACE,
            namespace => namespace,
        };
        let revision =
            mesh.metadata.annotations.as_ref().and_then(|all| all.get(REVISION_ANNOTATION));
        let deployment =
            revision.map_or_else(|| "istiod".to_owned(), |revision| format!("istiod-{revision}"));
        Some(ControlPlane {
            mesh: mesh.metadata.name.clone().unwrap_or_default(),
            namespace: namespace.to_owned(),
            may_restart: self.restart.contains(&deployment),
            deployment,
            secret: SECRET,
        })
    }

    async fn find(
        &self,
        place: &ControlPlane,
        roots: &[Certificate],
        now: Timestamp,
    ) -> Result<Holding, AgentError> {
        self.find_secret(place, roots, now).await
    }

    async fn install(
        &self,
        place: &ControlPlane,
        holding: &Holding,
        bundle: &Bundle,
        now: Timestamp,
    ) -> Result<bool, AgentError> {
        self.write_secret(place, holding, bundle, now).await
    }

    async fn note_loaded(
        &self,
        place: &ControlPlane,
        holding: &Holding,
        since: Option<Timestamp>,
    ) -> Result<(), AgentError> {
        self.annotate_loaded(place, holding, since).await
    }

    async fn is_unused(&self, place: &ControlPlane, holding: &Holding) -> bool {
        self.gave_nothing(place, holding).await
    }

    async fn observe(&self, place: &ControlPlane, anchors: &[Certificate], now: Timestamp) -> Seen {
        let settings = self.settings(place).await;
        Seen { settings, ..self.ask_witnesses(place, anchors, now).await }
    }

    async fn restart(
        &self,
        place: &ControlPlane,
        cause: &str,
        at: Timestamp,
    ) -> Result<bool, AgentError> {
        self.roll_out(place, cause, at).await
    }
}

fn istio(deployment: &Deployment, namespace: &str, trust_domain: String) -> IstioMesh {
    IstioMesh {
        installation: MeshInstallation {
            installation_namespace: namespace.to_owned(),
            version: version(deployment).unwrap_or_default(),
        },
        citadel_info: CitadelInfo {
            trust_domain,
            citadel_namespace: namespace.to_owned(),
            citadel_service_account: service_account(deployment),
        },
    }
}

/// What matters here of Istio's mesh configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MeshConfig {
    trust_domain: Option<String>,
    default_config: Option<ProxyConfig>,
}

impl MeshConfig {
    /// None where Istio goes by its default.
    fn configured_trust_domain(&self) -> Option<&str> {
        self.trust_domain.as_deref().filter(|domain| !domain.is_empty())
    }
}

/// What proxies are told where nothing else is said at their pods.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProxyConfig {
    proxy_metadata: Option<BTreeMap<String, String>>,
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
        let read = |text: &str| {
            let config = serde_saphyr::from_str::<MeshConfig>(text);
            config.map(|config| config.configured_trust_domain().map(ToOwned::to_owned))
        };
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
