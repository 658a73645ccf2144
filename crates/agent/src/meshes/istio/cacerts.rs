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
use meshroot_api::Reason;
use meshroot_api::names;
use meshroot_core::Refusal;
use meshroot_core::mesh::{Delivery, Found, Installed, Taking};
use meshroot_core::meshes::istio::cacerts::{
    CERTIFICATE, CHAIN, Data, PLUG_IN, PRIVATE_KEY, ROOTS, SECRET, SELF_SIGNED, foreign, layout,
    own, read, self_signed, shared,
};
use meshroot_pki::{Certificate, Fingerprint, PrivateKey, to_bundle};
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
        let Some(there) = &secret else { return self.find_self_signed(place).await };
        let data = there.data.clone().unwrap_or_default();
        if !names::is_ours(&there.metadata) {
            let refusal = foreign(place, &data, roots, now);
            // Where istiod finds no CA there, it signs by itself.
            let (own, self_signed) = match layout(&data) {
                Some(_) => (own(&data).map(Box::new), None),
                None => match self.find_self_signed(place).await? {
                    Holding { found: Found::SelfSigned(own), self_signed, .. } => {
                        (Some(own), self_signed)
                    }
                    _ => (None, None),
                },
            };
            return Ok(Holding { found: Found::Foreign { refusal, own }, secret, self_signed });
        }
        let mesh = there.metadata.labels.as_ref().and_then(|labels| labels.get(names::MESH_LABEL));
        if let Some(other) = mesh.filter(|other| **other != names::mesh_label(&place.mesh)) {
            return Err(shared(place, other).into());
        }
        let found = Found::Ours(Box::new(installed(there, &data)));
        Ok(Holding { found, secret, self_signed: None })
    }

    /// Without `cacerts`, istiod signs with a CA that it made for itself.
    async fn find_self_signed(&self, place: &ControlPlane) -> Result<Holding, AgentError> {
        let read = self.secrets(place).get_opt(SELF_SIGNED).await;
        let secret = match read {
            Err(error) if matches!(classify(&error), Failure::Forbidden { .. }) => {
                let message = format!(
                    "Secret {}/{SELF_SIGNED}: reading it is forbidden to the agent, which cannot take a mesh over without \
                     knowing whether it signs by itself; run `meshroot cluster join` again",
                    place.namespace
                );
                return Err(Refusal::new(Reason::ForeignSecret, message).into());
            }
            read => {
                read.map_err(AgentError::read(format!("Secret {}/{SELF_SIGNED}", place.namespace)))?
            }
        };
        let data = secret.as_ref().and_then(|secret| secret.data.as_ref());
        Ok(match data.and_then(self_signed) {
            None => Holding::nothing(),
            Some(own) => Holding {
                found: Found::SelfSigned(Box::new(own)),
                secret: None,
                self_signed: secret,
            },
        })
    }

    /// Notes since when istiod has had loaded what is written.
    pub(super) async fn annotate_loaded(
        &self,
        place: &ControlPlane,
        holding: &Holding,
        since: Option<Timestamp>,
    ) -> Result<(), AgentError> {
        let Some(mut secret) = holding.secret.clone() else { return Ok(()) };
        let annotations = secret.metadata.annotations.get_or_insert_default();
        annotations.remove(names::LOADED_ANNOTATION);
        annotations
            .extend(since.map(|since| (names::LOADED_ANNOTATION.to_owned(), seconds(since))));
        replace(&self.secrets(place), &secret).await?;
        Ok(())
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
        let wanted = secret(place, holding, bundle, now);
        if bundle.key.is_none() {
            check_kept(place, wanted.data.as_ref())?;
        }
        let Some(there) = &holding.secret else {
            crash::point("agent-before-cacerts");
            let made = create_if_absent(&self.secrets(place), &wanted).await?;
            return Ok(made.is_created());
        };
        match &holding.found {
            Found::Ours(installed)
                if installed.intact
                    && there.data == wanted.data
                    && installed.request == request(&bundle.delivery)
                    && installed.taking == bundle.delivery.taking =>
            {
                return Ok(false);
            }
            Found::Foreign { .. } => {
                self.back_up(place, there).await?;
                crash::point("agent-after-backup");
            }
            Found::Ours(_) | Found::Nothing | Found::SelfSigned(_) => {
                crash::point("agent-before-cacerts");
            }
        }
        self.overwrite(place, there, wanted).await
    }

    async fn overwrite(
        &self,
        place: &ControlPlane,
        found: &Secret,
        mut wanted: Secret,
    ) -> Result<bool, AgentError> {
        let api = self.secrets(place);
        // A Secret's type, and an immutable one, cannot be changed: the backup exists by now, or it was ours.
        if found.type_.as_deref() != Some(TYPE) || found.immutable == Some(true) {
            delete(&api, found).await?;
            return Ok(create_if_absent(&api, &wanted).await?.is_created());
        }
        wanted.metadata.resource_version.clone_from(&found.metadata.resource_version);
        replace(&api, &wanted).await?;
        Ok(true)
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

fn secret(place: &ControlPlane, holding: &Holding, bundle: &Bundle, now: Timestamp) -> Secret {
    let Delivery { chain, roots, goal, taking, .. } = &bundle.delivery;
    let signs = match &bundle.key {
        Some(key) => {
            let intermediate = chain.first().map(Certificate::to_pem).unwrap_or_default();
            let file = |name: &str, bytes| (name.to_owned(), ByteString(bytes));
            [
                file(CERTIFICATE, intermediate.into_bytes()),
                file(PRIVATE_KEY, key.to_pkcs8_pem().as_bytes().to_vec()),
                file(CHAIN, to_bundle(chain).into_bytes()),
            ]
        }
        None => kept(holding),
    };
    let mut data = Data::from(signs);
    data.insert(ROOTS.to_owned(), ByteString(to_bundle(roots).into_bytes()));
    let mut annotations: BTreeMap<String, String> = [
        (names::DIGEST_ANNOTATION.to_owned(), digest(&data)),
        (names::WRITTEN_ANNOTATION.to_owned(), seconds(now)),
    ]
    .into();
    let mut note = |name: &str, value: Option<String>| {
        annotations.extend(value.map(|value| (name.to_owned(), value)));
    };
    let request = request(&bundle.delivery);
    note(names::REQUEST_ANNOTATION, Some(request).filter(|request| !request.is_empty()));
    note(names::GOAL_ANNOTATION, goal.map(|goal| goal.to_string()));
    if let Some(taking) = taking {
        note(names::TAKING_OVER_ANNOTATION, serde_json::to_string(&taking.facts).ok());
        note(names::LOADED_ANNOTATION, taking.loaded.map(seconds));
    }
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

/// What is kept must be a CA still: somebody may have changed it since it was looked at first.
fn check_kept(place: &ControlPlane, data: Option<&Data>) -> Result<(), Refusal> {
    let at = |key: &str| data.and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice());
    let certificate = at(CERTIFICATE).and_then(|bytes| read(bytes).ok()?.into_iter().next());
    let key = at(PRIVATE_KEY).unwrap_or_default();
    // istiod reads more kinds of keys than are compared here.
    let fits = match (PrivateKey::from_pem(key), &certificate) {
        (Ok(key), Some(certificate)) => key.public_key() == certificate.public_key(),
        (Err(_), Some(_)) => !key.is_empty(),
        (_, None) => false,
    };
    if fits {
        return Ok(());
    }
    let message = format!(
        "Secret {}/{SECRET}: {CERTIFICATE} and {PRIVATE_KEY} are no pair any more: somebody changed them while the mesh was \
         taken over; put back what the mesh had",
        place.namespace
    );
    Err(Refusal::new(Reason::ForeignSecret, message))
}

/// Certificate, key and chain that are there, byte for byte, as istiod documents them.
fn kept(holding: &Holding) -> [(String, ByteString); 3] {
    let secret = holding.self_signed.as_ref().or(holding.secret.as_ref());
    let data = secret.and_then(|secret| secret.data.clone()).unwrap_or_default();
    let layout = layout(&data).unwrap_or(PLUG_IN);
    let at = |key: &str| data.get(key).cloned().unwrap_or_default();
    let chain = match (&holding.self_signed, layout.chain) {
        (Some(_), _) => ByteString::default(),
        (None, Some(key)) => at(key),
        (None, None) => at(layout.certificate),
    };
    [
        (CERTIFICATE.to_owned(), at(layout.certificate)),
        (PRIVATE_KEY.to_owned(), at(layout.private_key)),
        (CHAIN.to_owned(), chain),
    ]
}

/// As the annotation has it; empty where it answers no request.
fn request(delivery: &Delivery) -> String {
    delivery.request.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

fn installed(secret: &Secret, data: &Data) -> Installed {
    let annotation =
        |name: &str| secret.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned();
    // What is kept of somebody else's is as they wrote it.
    let read = |key: &str| data.get(key).and_then(|bytes| read(&bytes.0).ok()).unwrap_or_default();
    Installed {
        request: annotation(names::REQUEST_ANNOTATION).unwrap_or_default(),
        intermediate: read(CERTIFICATE).into_iter().next(),
        chain: read(CHAIN),
        goal: annotation(names::GOAL_ANNOTATION).and_then(|goal| goal.parse().ok()),
        anchors: read(ROOTS),
        taking: annotation(names::TAKING_OVER_ANNOTATION).and_then(|text| {
            let facts = serde_json::from_str(&text).ok()?;
            let loaded = annotation(names::LOADED_ANNOTATION).and_then(|at| at.parse().ok());
            Some(Taking { facts, loaded })
        }),
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
