//! Secret `cacerts`: what is there, and all of it in one write.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use meshroot_api::policy::Adopt;
use meshroot_api::{Reason, names};
use meshroot_core::Refusal;
use meshroot_pki::{
    Certificate, Fingerprint, PathOptions, Purpose, build_path, parse_bundle, to_bundle,
};
use meshroot_runtime::kube::write::{Failure, classify, create_if_absent, delete, replace};
use meshroot_runtime::process::crash;

use super::{Istio, Place};
use crate::error::AgentError;
use crate::meshes::Bundle;

const SECRET: &str = "cacerts";
const TYPE: &str = "Opaque";
const CERTIFICATE: &str = "ca-cert.pem";
const PRIVATE_KEY: &str = "ca-key.pem";
const CHAIN: &str = "cert-chain.pem";
const ROOTS: &str = "root-cert.pem";

/// What Secret `cacerts` holds now.
pub(crate) enum Found {
    /// There is none.
    Nothing,
    /// The agent wrote it.
    Ours(Box<Installed>),
    /// Somebody else wrote it.
    Foreign(Box<Secret>),
}

/// A certificate that the agent wrote.
pub(crate) struct Installed {
    /// The request that it answers.
    pub(crate) request: String,
    /// The intermediate; `None` where somebody changed the Secret so that it cannot be read.
    pub(crate) intermediate: Option<Certificate>,
    /// Fingerprints of the trust anchors.
    pub(crate) anchors: Vec<Fingerprint>,
    /// When it was written.
    pub(crate) written: Timestamp,
    /// Whether it still holds, byte for byte, what was written.
    pub(crate) intact: bool,
    secret: Secret,
}

impl Istio {
    /// Reads `cacerts` of a control plane.
    pub(crate) async fn find(&self, place: &Place) -> Result<Found, AgentError> {
        let what = format!("Secret {}/{SECRET}", place.namespace);
        let found = self.secrets(place).get_opt(SECRET).await.map_err(AgentError::read(what))?;
        let Some(secret) = found else { return Ok(Found::Nothing) };
        let ours = names::is_ours(&secret.metadata);
        let mesh = secret.metadata.labels.as_ref().and_then(|labels| labels.get(names::MESH_LABEL));
        if let Some(other) = mesh.filter(|other| ours && **other != names::mesh_label(&place.mesh))
        {
            return Err(shared(place, other).into());
        }
        Ok(if ours {
            Found::Ours(Box::new(installed(secret)))
        } else {
            Found::Foreign(Box::new(secret))
        })
    }

    /// Writes `cacerts` if it does not hold this bundle yet; `true` if it was written.
    ///
    /// One write, whatever was there: since 1.27 a partial set stops istiod. A Secret of somebody else is replaced
    /// only under `adopt: ALWAYS`, after a copy was made.
    pub(crate) async fn install(
        &self,
        place: &Place,
        found: Found,
        bundle: &Bundle,
        adopt: Adopt,
        now: Timestamp,
    ) -> Result<bool, AgentError> {
        let wanted = secret(place, bundle, now);
        match found {
            Found::Nothing => {
                crash::point("agent-before-cacerts");
                let made = create_if_absent(&self.secrets(place), &wanted).await?;
                Ok(made.is_created())
            }
            Found::Ours(installed)
                if installed.intact
                    && installed.secret.data == wanted.data
                    && installed.request == bundle.request =>
            {
                Ok(false)
            }
            Found::Ours(installed) => {
                crash::point("agent-before-cacerts");
                self.overwrite(place, &installed.secret, wanted).await?;
                Ok(true)
            }
            Found::Foreign(foreign) if adopt == Adopt::Never => {
                Err(refuse(place, &foreign, &bundle.roots, now).into())
            }
            Found::Foreign(foreign) => {
                self.back_up(place, &foreign).await?;
                crash::point("agent-after-backup");
                self.overwrite(place, &foreign, wanted).await?;
                Ok(true)
            }
        }
    }

    async fn overwrite(
        &self,
        place: &Place,
        found: &Secret,
        mut wanted: Secret,
    ) -> Result<(), AgentError> {
        let api = self.secrets(place);
        // A Secret's type, and an immutable one, cannot be changed: the backup exists by now, or it was ours.
        if found.type_.as_deref() != Some(TYPE) || found.immutable == Some(true) {
            delete(&api, found).await?;
            create_if_absent(&api, &wanted).await?;
            return Ok(());
        }
        wanted.metadata.resource_version.clone_from(&found.metadata.resource_version);
        replace(&api, &wanted).await?;
        Ok(())
    }

    /// Keeps what somebody else wrote, under a name that its content gives: a repetition finds it there.
    async fn back_up(&self, place: &Place, foreign: &Secret) -> Result<(), AgentError> {
        let content = serde_json::to_vec(&foreign.data).unwrap_or_default();
        let digest: String = Fingerprint::of(&content).to_string().chars().take(12).collect();
        let backup = Secret {
            metadata: ObjectMeta {
                name: Some(format!("{SECRET}-backup-{digest}")),
                namespace: Some(place.namespace.clone()),
                labels: Some(names::labels()),
                ..ObjectMeta::default()
            },
            immutable: Some(true),
            data: foreign.data.clone(),
            type_: foreign.type_.clone(),
            ..Secret::default()
        };
        match self.secrets(place).create(&PostParams::default(), &backup).await {
            Ok(_) => {
                tracing::info!(
                    namespace = place.namespace,
                    backup = backup.metadata.name,
                    "cacerts of somebody else backed up"
                );
                Ok(())
            }
            Err(error) if classify(&error) == Failure::AlreadyExists => Ok(()),
            Err(error) => Err(AgentError::read("the backup of cacerts")(error)),
        }
    }

    fn secrets(&self, place: &Place) -> Api<Secret> {
        Api::namespaced(self.local.clone(), &place.namespace)
    }
}

fn secret(place: &Place, bundle: &Bundle, now: Timestamp) -> Secret {
    let intermediate = bundle.chain.first().map(Certificate::to_pem).unwrap_or_default();
    let data: BTreeMap<String, ByteString> = [
        (CERTIFICATE, intermediate.into_bytes()),
        (PRIVATE_KEY, bundle.key.to_pkcs8_pem().as_bytes().to_vec()),
        (CHAIN, to_bundle(&bundle.chain).into_bytes()),
        (ROOTS, to_bundle(&bundle.roots).into_bytes()),
    ]
    .into_iter()
    .map(|(file, bytes)| (file.to_owned(), ByteString(bytes)))
    .collect();
    let annotations = [
        (names::REQUEST_ANNOTATION.to_owned(), bundle.request.clone()),
        (names::DIGEST_ANNOTATION.to_owned(), digest(&data)),
        (
            names::WRITTEN_ANNOTATION.to_owned(),
            Timestamp::from_second(now.as_second()).unwrap_or(now).to_string(),
        ),
    ];
    Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            namespace: Some(place.namespace.clone()),
            labels: Some(names::labels_of_mesh(&place.mesh)),
            annotations: Some(annotations.into()),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

fn digest(data: &BTreeMap<String, ByteString>) -> String {
    Fingerprint::of(&serde_json::to_vec(data).unwrap_or_default()).to_string()
}

fn installed(secret: Secret) -> Installed {
    let annotation =
        |name: &str| secret.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned();
    let certificates = |file: &str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(file));
        bytes.and_then(|bytes| parse_bundle(&bytes.0).ok()).unwrap_or_default()
    };
    Installed {
        request: annotation(names::REQUEST_ANNOTATION).unwrap_or_default(),
        intermediate: certificates(CERTIFICATE).into_iter().next(),
        anchors: certificates(ROOTS).iter().map(Certificate::fingerprint).collect(),
        written: annotation(names::WRITTEN_ANNOTATION)
            .and_then(|at| at.parse().ok())
            .unwrap_or(Timestamp::UNIX_EPOCH),
        intact: secret.data.as_ref().map(digest) == annotation(names::DIGEST_ANNOTATION),
        secret,
    }
}

/// Revisions of Istio in one namespace read the same Secret: they would take it from each other in turn.
fn shared(place: &Place, other: &str) -> Refusal {
    let message = format!(
        "Secret {}/{SECRET} is shared with Mesh {other} and belongs to it; leave Mesh {} out of the virtual mesh: both \
         control planes load the same certificate",
        place.namespace, place.mesh
    );
    Refusal::new(Reason::ForeignSecret, message)
}

/// Says what is there, whether it chains to the root, and what adopting would change.
fn refuse(place: &Place, foreign: &Secret, roots: &[Certificate], now: Timestamp) -> Refusal {
    let file = |name: &str| {
        foreign
            .data
            .as_ref()
            .and_then(|data| data.get(name))
            .and_then(|bytes| parse_bundle(&bytes.0).ok())
    };
    let there = match file(CERTIFICATE).and_then(|all| all.into_iter().next()) {
        None => "something that is no Istio CA".to_owned(),
        Some(certificate) => {
            let chain = file(CHAIN).unwrap_or_default();
            let path =
                build_path(&certificate, &chain, roots, &PathOptions::new(now, Purpose::Any));
            let verdict = match path {
                Ok(_) => {
                    "chains to this virtual mesh's root; adopting it changes the intermediate only"
                }
                Err(_) => {
                    "does not chain to this virtual mesh's root; adopting it changes the mesh's root, which needs a restart of istiod"
                }
            };
            format!(
                "CA {} (valid until {}), which {verdict}",
                certificate.subject(),
                certificate.not_after()
            )
        }
    };
    let message = format!(
        "Secret {}/{SECRET} was written by somebody else and holds {there}; set spec.adopt: ALWAYS in the TrustPolicy \
         to replace it (a copy is kept), or delete it",
        place.namespace
    );
    Refusal::new(Reason::ForeignSecret, message)
}
