//! Secret `cacerts`: what is there, and all of it in one write.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use meshroot_api::names;
use meshroot_core::mesh::{Delivery, Found, Installed};
use meshroot_core::meshes::istio::cacerts::{
    CERTIFICATE, CHAIN, Data, PRIVATE_KEY, ROOTS, SECRET, certificates, foreign, shared,
};
use meshroot_pki::{Certificate, Fingerprint, to_bundle};
use meshroot_runtime::kube::write::{Failure, classify, create_if_absent, delete, replace};
use meshroot_runtime::process::crash;

use super::{Bundle, ControlPlane, Holding, Istio};
use crate::error::AgentError;

const TYPE: &str = "Opaque";

impl Istio {
    /// Reads `cacerts` of a control plane.
    pub(super) async fn find_secret(
        &self,
        place: &ControlPlane,
        roots: &[Certificate],
        now: Timestamp,
    ) -> Result<Holding, AgentError> {
        let what = format!("Secret {}/{SECRET}", place.namespace);
        let secret = self.secrets(place).get_opt(SECRET).await.map_err(AgentError::read(what))?;
        let Some(there) = &secret else {
            return Ok(Holding { found: Found::Nothing, secret: None });
        };
        let data = there.data.clone().unwrap_or_default();
        if !names::is_ours(&there.metadata) {
            let found = Found::Foreign(foreign(place, &data, roots, now));
            return Ok(Holding { found, secret });
        }
        let mesh = there.metadata.labels.as_ref().and_then(|labels| labels.get(names::MESH_LABEL));
        if let Some(other) = mesh.filter(|other| **other != names::mesh_label(&place.mesh)) {
            return Err(shared(place, other).into());
        }
        Ok(Holding { found: Found::Ours(Box::new(installed(there, &data))), secret })
    }

    /// Writes `cacerts` if it does not hold this bundle yet; `true` if it was written.
    ///
    /// One write, whatever was there: since 1.27 a partial set stops istiod.
    pub(super) async fn write_secret(
        &self,
        place: &ControlPlane,
        holding: &Holding,
        bundle: &Bundle,
        now: Timestamp,
    ) -> Result<bool, AgentError> {
        let wanted = secret(place, bundle, now);
        let Some(there) = &holding.secret else {
            crash::point("agent-before-cacerts");
            let made = create_if_absent(&self.secrets(place), &wanted).await?;
            return Ok(made.is_created());
        };
        match &holding.found {
            Found::Ours(installed)
                if installed.intact
                    && there.data == wanted.data
                    && installed.request == bundle.delivery.request.to_string() =>
            {
                return Ok(false);
            }
            Found::Foreign(_) => {
                self.back_up(place, there).await?;
                crash::point("agent-after-backup");
            }
            Found::Ours(_) | Found::Nothing => crash::point("agent-before-cacerts"),
        }
        self.overwrite(place, there, wanted).await?;
        Ok(true)
    }

    async fn overwrite(
        &self,
        place: &ControlPlane,
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
    async fn back_up(&self, place: &ControlPlane, foreign: &Secret) -> Result<(), AgentError> {
        let content = foreign.data.as_ref().map_or_else(|| "null".to_owned(), canonical);
        let digest = Fingerprint::of(content.as_bytes()).to_string();
        let digest: String = digest.chars().take(12).collect();
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

    fn secrets(&self, place: &ControlPlane) -> Api<Secret> {
        Api::namespaced(self.local.clone(), &place.namespace)
    }
}

fn secret(place: &ControlPlane, bundle: &Bundle, now: Timestamp) -> Secret {
    let Delivery { request, chain, roots, goal } = &bundle.delivery;
    let intermediate = chain.first().map(Certificate::to_pem).unwrap_or_default();
    let data: Data = [
        (CERTIFICATE, intermediate.into_bytes()),
        (PRIVATE_KEY, bundle.key.to_pkcs8_pem().as_bytes().to_vec()),
        (CHAIN, to_bundle(chain).into_bytes()),
        (ROOTS, to_bundle(roots).into_bytes()),
    ]
    .into_iter()
    .map(|(file, bytes)| (file.to_owned(), ByteString(bytes)))
    .collect();
    let mut annotations: BTreeMap<String, String> = [
        (names::REQUEST_ANNOTATION.to_owned(), request.to_string()),
        (names::DIGEST_ANNOTATION.to_owned(), digest(&data)),
        (
            names::WRITTEN_ANNOTATION.to_owned(),
            Timestamp::from_second(now.as_second()).unwrap_or(now).to_string(),
        ),
    ]
    .into();
    annotations.extend(goal.map(|goal| (names::GOAL_ANNOTATION.to_owned(), goal.to_string())));
    Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            namespace: Some(place.namespace.clone()),
            labels: Some(names::labels_of_mesh(&place.mesh)),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

fn installed(secret: &Secret, data: &Data) -> Installed {
    let annotation =
        |name: &str| secret.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned();
    let read = |key| certificates(data, key).unwrap_or_default();
    Installed {
        request: annotation(names::REQUEST_ANNOTATION).unwrap_or_default(),
        intermediate: read(CERTIFICATE).into_iter().next(),
        chain: read(CHAIN),
        goal: annotation(names::GOAL_ANNOTATION).and_then(|goal| goal.parse().ok()),
        anchors: read(ROOTS).iter().map(Certificate::fingerprint).collect(),
        written: annotation(names::WRITTEN_ANNOTATION)
            .and_then(|at| at.parse().ok())
            .unwrap_or(Timestamp::UNIX_EPOCH),
        intact: annotation(names::DIGEST_ANNOTATION) == Some(digest(data)),
    }
}

fn digest(data: &Data) -> String {
    Fingerprint::of(canonical(data).as_bytes()).to_string()
}

/// What is digested, and what is compared with a digest that an earlier version wrote: a JSON object of the keys in
/// their order with their bytes in base64, without a space. No key needs an escape: Kubernetes takes letters, digits,
/// `-`, `_` and `.` only.
fn canonical(data: &Data) -> String {
    let fields: Vec<String> = data
        .iter()
        .map(|(key, ByteString(bytes))| format!("\"{key}\":\"{}\"", BASE64_STANDARD.encode(bytes)))
        .collect();
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_earlier_versions() {
        let data = |entries: &[(&str, &[u8])]| -> Data {
            let entries = entries.iter();
            entries.map(|(key, bytes)| ((*key).to_owned(), ByteString(bytes.to_vec()))).collect()
        };
        for data in [data(&[]), data(&[("b", b"1"), ("ca-cert.pem", b"\x00\xff\xfe?>")])] {
            assert_eq!(canonical(&data).into_bytes(), serde_json::to_vec(&data).unwrap());
        }
        let one = data(&[("ca-cert.pem", b"x")]);
        assert_eq!(canonical(&one), r#"{"ca-cert.pem":"eA=="}"#);
    }
}
