//! Private keys of requests: made here, kept in a Secret of this cluster with the request's spec beside them.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client};
use meshroot_api::names::{self, RequestName};
use meshroot_api::policy::KeyAlgorithm;
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_pki::PrivateKey;
use meshroot_runtime::kube::write::{create_if_absent, delete};
use meshroot_runtime::process::crash;

use crate::error::AgentError;
use crate::metrics::Metrics;

const PRIVATE_KEY: &str = "key.pem";
const SPEC: &str = "spec.json";

/// The Secrets `<request>-key` in the agent's namespace.
pub(crate) struct Keys {
    secrets: Api<Secret>,
    namespace: String,
    metrics: Metrics,
}

/// A key with the request that it was made for.
pub(crate) struct RequestKey {
    pub(crate) private_key: PrivateKey,
    /// The request's spec without `csrData`: a renewal is written from it even when the request is gone.
    pub(crate) spec: RequestSpec,
}

impl Keys {
    pub(crate) fn new(local: Client, namespace: &str, metrics: Metrics) -> Self {
        Self {
            secrets: Api::namespaced(local, namespace),
            namespace: namespace.to_owned(),
            metrics,
        }
    }

    /// The key of a request; made and stored first where there is none. Whoever comes second gets the first one's.
    pub(crate) async fn ensure(
        &self,
        request: &RequestName,
        algorithm: KeyAlgorithm,
        spec: &RequestSpec,
    ) -> Result<RequestKey, AgentError> {
        if let Some(found) = self.find(request).await? {
            return Ok(found);
        }
        // RSA takes seconds.
        let made = tokio::task::spawn_blocking(move || {
            PrivateKey::generate(meshroot_core::key::kind(algorithm))
        })
        .await;
        let key = made
            .map_err(|error| AgentError::MakeKey(error.to_string()))?
            .map_err(|error| AgentError::MakeKey(error.to_string()))?;
        crash::point("agent-before-key");
        let stored = create_if_absent(&self.secrets, &self.secret(request, &key, spec)?).await?;
        crash::point("agent-after-key");
        if stored.is_created() {
            self.metrics.key_made();
        }
        self.read(&stored.into_object())
    }

    /// The key of a request, where there is one.
    pub(crate) async fn find(
        &self,
        request: &RequestName,
    ) -> Result<Option<RequestKey>, AgentError> {
        let name = request.key_secret();
        let found = self
            .secrets
            .get_opt(&name)
            .await
            .map_err(AgentError::read(format!("Secret {name}")))?;
        found.map(|secret| self.read(&secret)).transpose()
    }

    /// Every request of a mesh that a key is kept for.
    pub(crate) async fn requests(&self, mesh: &str) -> Result<Vec<RequestName>, AgentError> {
        let selected = ListParams::default().labels(&format!(
            "{}={}",
            names::MESH_LABEL,
            names::mesh_label(mesh)
        ));
        let all = self
            .secrets
            .list_metadata(&selected)
            .await
            .map_err(AgentError::read("the key Secrets"))?;
        let names = all
            .items
            .iter()
            .filter_map(|secret| secret.metadata.name.as_deref()?.strip_suffix("-key"));
        Ok(names.filter_map(RequestName::parse).collect())
    }

    /// Forgets the key of a request.
    pub(crate) async fn delete(&self, request: &RequestName) -> Result<(), AgentError> {
        let name = request.key_secret();
        let found = self
            .secrets
            .get_opt(&name)
            .await
            .map_err(AgentError::read(format!("Secret {name}")))?;
        if let Some(secret) = found {
            delete(&self.secrets, &secret).await?;
        }
        Ok(())
    }

    fn read(&self, secret: &Secret) -> Result<RequestKey, AgentError> {
        let name =
            format!("{}/{}", self.namespace, secret.metadata.name.as_deref().unwrap_or_default());
        let broken = |problem| AgentError::BrokenKeySecret { secret: name.clone(), problem };
        let part = |key: &str| {
            secret.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice())
        };
        let pem = part(PRIVATE_KEY).ok_or_else(|| {
            broken("key.pem is missing; delete the Secret to have a new key made")
        })?;
        let private_key = PrivateKey::from_pem(pem)
            .map_err(|source| AgentError::KeySecret { secret: name.clone(), source })?;
        let spec = part(SPEC).ok_or_else(|| {
            broken("spec.json is missing; delete the Secret to have a new key made")
        })?;
        let spec = serde_json::from_slice(spec)
            .map_err(|_| broken("spec.json is not the spec of a request"))?;
        Ok(RequestKey { private_key, spec })
    }

    fn secret(
        &self,
        request: &RequestName,
        key: &PrivateKey,
        spec: &RequestSpec,
    ) -> Result<Secret, AgentError> {
        let kept = RequestSpec { csr_data: meshroot_api::Bytes::default(), ..spec.clone() };
        let spec = serde_json::to_vec(&kept).map_err(|_| AgentError::BrokenKeySecret {
            secret: format!("{}/{}", self.namespace, request.key_secret()),
            problem: "the request's spec cannot be written as JSON",
        })?;
        let data = [
            (PRIVATE_KEY.to_owned(), ByteString(key.to_pkcs8_pem().as_bytes().to_vec())),
            (SPEC.to_owned(), ByteString(spec)),
        ];
        Ok(Secret {
            metadata: ObjectMeta {
                name: Some(request.key_secret()),
                namespace: Some(self.namespace.clone()),
                labels: Some(names::labels_of_mesh(&request.mesh)),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".to_owned()),
            immutable: Some(true),
            data: Some(data.into()),
            ..Secret::default()
        })
    }
}
