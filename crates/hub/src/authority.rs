//! The issuers of all virtual meshes: found, made once, and never replaced by accident.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client};
use meshroot_api::networking::CertificateAuthority;
use meshroot_api::policy::{EarlierRoot, RootPolicy};
use meshroot_api::{Reason, TrustPolicy, VirtualMesh, names};
use meshroot_ca::{Issuer, RootSpec, make_root};
use meshroot_core::Refusal;
use meshroot_core::membership::Key;
use meshroot_pki::{DistinguishedName, KeyKind};
use meshroot_runtime::kube::write::{Failure, classify, create_if_absent};
use meshroot_runtime::process::{clock, crash};

/// Issuers by virtual mesh, each read again after a while: a Secret may be corrected or taken away.
pub(crate) struct Authority {
    client: Client,
    namespace: String,
    known: Mutex<HashMap<Key, Known>>,
    making: tokio::sync::Mutex<()>,
}

struct Known {
    issuer: Arc<Issuer>,
    source: (CertificateAuthority, RootPolicy),
    read: Instant,
}

/// How long an issuer is used before its Secret is read again.
const FRESH: Duration = Duration::from_secs(30);

impl Authority {
    pub(crate) fn new(client: Client, namespace: &str) -> Self {
        let (known, making) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { client, namespace: namespace.to_owned(), known, making }
    }

    /// The issuer of a virtual mesh. Makes a builtin root where there never was one.
    pub(crate) async fn issuer(
        &self,
        virtual_mesh: &VirtualMesh,
        policy: &TrustPolicy,
        past: &Past<'_>,
    ) -> Result<Arc<Issuer>, Refusal> {
        let key = Key::of(virtual_mesh);
        let source = (virtual_mesh.spec.certificate_authority.clone(), policy.spec.root.clone());
        if let Some(issuer) = self.known(&key, &source) {
            return Ok(issuer);
        }
        let _one_at_a_time = self.making.lock().await;
        if let Some(issuer) = self.known(&key, &source) {
            return Ok(issuer);
        }
        let loaded = self.load(&key, virtual_mesh, policy, past).await?;
        check_unchanged(&loaded, past)?;
        let issuer = Arc::new(loaded);
        let known = Known { issuer: Arc::clone(&issuer), source, read: Instant::now() };
        self.lock().insert(key, known);
        Ok(issuer)
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn known(&self, key: &Key, source: &(CertificateAuthority, RootPolicy)) -> Option<Arc<Issuer>> {
        let known = self.lock();
        let known = known
            .get(key)
            .filter(|known| known.source == *source && known.read.elapsed() < FRESH)?;
        Some(Arc::clone(&known.issuer))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(
        &self,
        key: &Key,
        virtual_mesh: &VirtualMesh,
        policy: &TrustPolicy,
        past: &Past<'_>,
    ) -> Result<Issuer, Refusal> {
        if let Some(provided) = &virtual_mesh.spec.certificate_authority.provided {
            let place = Key::resolve(&provided.certificate, &key.namespace);
            return match self.secret(&place).await? {
                Some(secret) => self.read_of(key, &place, &secret),
                None => Err(missing(&place, "create it with root-cert.pem and key.pem")),
            };
        }
        let place = Key::new(&self.namespace, builtin_secret(key, &self.namespace));
        if let Some(secret) = self.secret(&place).await? {
            return self.read_of(key, &place, &secret);
        }
        let earlier = earlier_place(key);
        if policy.spec.root.earlier == Some(EarlierRoot::Use) {
            return match self.secret(&earlier).await? {
                Some(secret) => self.read_of(key, &earlier, &secret),
                None => Err(missing(
                    &earlier,
                    "spec.root.earlier of the TrustPolicy says USE: put it back",
                )),
            };
        }
        if (past.issued)() || (past.root)().is_some() {
            let fix = "it was there before: restore it from a backup; a new root is never made in its place";
            return Err(missing(&place, fix));
        }
        if policy.spec.root.earlier.is_none() && self.exists(&earlier).await? {
            return Err(ask_about(&earlier));
        }
        self.make(&place, key, virtual_mesh, policy).await
    }

    /// Without a right to look there is no earlier installation that could be taken over.
    async fn exists(&self, place: &Key) -> Result<bool, Refusal> {
        match self.secret(place).await {
            Ok(found) => Ok(found.is_some()),
            Err(refusal) if refusal.reason == Reason::RootSecretInvalid => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    async fn make(
        &self,
        place: &Key,
        key: &Key,
        virtual_mesh: &VirtualMesh,
        policy: &TrustPolicy,
    ) -> Result<Issuer, Refusal> {
        let spec = root_spec(key, virtual_mesh, policy)?;
        let now = clock::now();
        // RSA key generation takes seconds.
        let made = tokio::task::spawn_blocking(move || make_root(&spec, now)).await;
        let (certificate, private_key) =
            made.map_err(|error| unavailable(&error))?.map_err(|error| unavailable(&error))?;
        let secret = root_secret(place, key, &certificate.to_pem(), &private_key.to_pkcs8_pem());
        crash::point("root-before-secret");
        // Whoever comes second loads what the first one stored.
        let stored = create_if_absent(&self.secrets(&place.namespace), &secret)
            .await
            .map_err(|error| unavailable(&error))?;
        crash::point("root-after-secret");
        let made_here = stored.is_created();
        let issuer = self.read_of(key, place, &stored.into_object())?;
        if made_here {
            let fingerprint = issuer.certificate().fingerprint();
            tracing::info!(target: "audit", virtual_mesh = %key, %fingerprint, secret = %place, "root made");
        }
        Ok(issuer)
    }

    /// Reads a root for a virtual mesh that may use it.
    ///
    /// Who may write a VirtualMesh in one namespace must not sign with what the hub can read in another. So a Secret
    /// serves the virtual mesh that its annotation names; without one, those of its own namespace; and what an earlier
    /// installation left for a virtual mesh, that of the hub's namespace.
    fn read_of(&self, virtual_mesh: &Key, place: &Key, secret: &Secret) -> Result<Issuer, Refusal> {
        let annotations = secret.metadata.annotations.as_ref();
        let owner = annotations.and_then(|all| all.get(names::VIRTUAL_MESH_ANNOTATION));
        let earlier =
            *place == earlier_place(virtual_mesh) && virtual_mesh.namespace == self.namespace;
        match owner {
            Some(owner) if *owner == virtual_mesh.to_string() => read(place, secret),
            None if place.namespace == virtual_mesh.namespace || earlier => read(place, secret),
            owner => Err(not_for(virtual_mesh, place, owner.map(String::as_str))),
        }
    }

    async fn secret(&self, place: &Key) -> Result<Option<Secret>, Refusal> {
        match self.secrets(&place.namespace).get(&place.name).await {
            Ok(secret) => Ok(Some(secret)),
            Err(error) => match classify(&error) {
                Failure::NotFound { .. } => Ok(None),
                Failure::Forbidden { .. } => Err(Refusal::new(
                    Reason::RootSecretInvalid,
                    format!(
                        "Secret {place}: reading it is forbidden to the hub; apply what `meshroot install \
                         --root-namespace {}` prints",
                        place.namespace
                    ),
                )),
                failure => {
                    Err(Refusal::new(Reason::RootUnavailable, format!("Secret {place}: {failure}")))
                }
            },
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// What is known of a virtual mesh's past, asked only when its Secret is read.
pub(crate) struct Past<'a> {
    /// Whether the ledger has a certificate of it: then there was a root.
    pub(crate) issued: &'a (dyn Fn() -> bool + Sync),
    /// Fingerprint of the signing root that its members trust.
    pub(crate) root: &'a (dyn Fn() -> Option<String> + Sync),
}

/// Another root under the same virtual mesh would cut off every member: only a rotation may do that.
fn check_unchanged(issuer: &Issuer, past: &Past<'_>) -> Result<(), Refusal> {
    let Some(known) = (past.root)() else { return Ok(()) };
    let found =
        issuer.roots().first().map(|root| root.fingerprint().to_string()).unwrap_or_default();
    if known == found {
        return Ok(());
    }
    let message = format!(
        "the root's Secret now holds root {found}, members trust {known}; put the former root back: \
         another root at once would cut the members off from each other"
    );
    Err(Refusal::new(Reason::RootSecretInvalid, message))
}

fn read(place: &Key, secret: &Secret) -> Result<Issuer, Refusal> {
    let invalid =
        |what: String| Refusal::new(Reason::RootSecretInvalid, format!("Secret {place}: {what}"));
    let part = |name: &str| {
        secret.data.as_ref().and_then(|data| data.get(name)).map(|bytes| bytes.0.as_slice())
    };
    let needed = |name: &'static str| {
        part(name).ok_or_else(|| invalid(format!("the key {name} is missing; put it back")))
    };
    let root = needed(names::ROOT_CERTIFICATE_KEY)?;
    let key = needed(names::ROOT_PRIVATE_KEY_KEY)?;
    Issuer::load(root, key, part(names::ROOT_CHAIN_KEY), clock::now())
        .map_err(|error| invalid(error.to_string()))
}

/// A virtual mesh beside the hub has the name that the original system gave; those of other namespaces carry it in front.
fn builtin_secret(key: &Key, hub_namespace: &str) -> String {
    if key.namespace == hub_namespace {
        names::root_secret(&key.name)
    } else {
        format!("{}.{}", key.namespace, names::root_secret(&key.name))
    }
}

fn root_spec(
    key: &Key,
    virtual_mesh: &VirtualMesh,
    policy: &TrustPolicy,
) -> Result<RootSpec, Refusal> {
    let builtin = virtual_mesh.spec.certificate_authority.builtin.clone().unwrap_or_default();
    let days = if builtin.ttl_days == 0 { 365 } else { builtin.ttl_days };
    let kind = match policy.spec.root.key {
        Some(algorithm) => meshroot_core::key::kind(algorithm),
        None if builtin.rsa_key_size_bytes == 3072 => KeyKind::Rsa3072,
        None => KeyKind::Rsa4096,
    };
    let organization = if builtin.org_name.is_empty() { "Meshroot" } else { &builtin.org_name };
    let short: String = key.name.chars().take(56).collect();
    let subject = DistinguishedName::new(organization, &short, &format!("{short} root 1"))
        .map_err(|error| {
            Refusal::new(
                Reason::SpecInvalid,
                format!("spec.certificateAuthority.builtin.orgName: {error}"),
            )
        })?;
    Ok(RootSpec { key: kind, subject, lifetime: SignedDuration::from_hours(24 * i64::from(days)) })
}

fn root_secret(place: &Key, virtual_mesh: &Key, certificate: &str, private_key: &str) -> Secret {
    let data = [
        (
            names::ROOT_CERTIFICATE_KEY.to_owned(),
            k8s_openapi::ByteString(certificate.as_bytes().to_vec()),
        ),
        (
            names::ROOT_PRIVATE_KEY_KEY.to_owned(),
            k8s_openapi::ByteString(private_key.as_bytes().to_vec()),
        ),
    ];
    let annotation = (names::VIRTUAL_MESH_ANNOTATION.to_owned(), virtual_mesh.to_string());
    Secret {
        metadata: ObjectMeta {
            name: Some(place.name.clone()),
            namespace: Some(place.namespace.clone()),
            labels: Some(names::labels()),
            annotations: Some([annotation].into()),
            ..ObjectMeta::default()
        },
        type_: Some(names::ROOT_SECRET_TYPE.to_owned()),
        immutable: Some(true),
        data: Some(data.into()),
        ..Secret::default()
    }
}

fn missing(place: &Key, fix: &str) -> Refusal {
    Refusal::new(Reason::RootSecretMissing, format!("Secret {place} does not exist; {fix}"))
}

fn unavailable(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Reason::RootUnavailable, format!("the root could not be made: {error}"))
}

/// Where an earlier Service Mesh Hub kept the root of a virtual mesh of this name.
fn earlier_place(virtual_mesh: &Key) -> Key {
    Key::new(names::EARLIER_NAMESPACE, names::root_secret(&virtual_mesh.name))
}

fn not_for(virtual_mesh: &Key, place: &Key, owner: Option<&str>) -> Refusal {
    let why = match owner {
        Some(owner) => format!("is the root of VirtualMesh {owner}"),
        None => "is in another namespace than the VirtualMesh".to_owned(),
    };
    let message = format!(
        "Secret {place} {why}; use another one, or, if {virtual_mesh} may sign with it: kubectl -n {} annotate secret {} \
         --overwrite {}={virtual_mesh}",
        place.namespace,
        place.name,
        names::VIRTUAL_MESH_ANNOTATION
    );
    Refusal::new(Reason::RootSecretInvalid, message)
}

fn ask_about(earlier: &Key) -> Refusal {
    let message = format!(
        "Secret {earlier} holds the root of an earlier Service Mesh Hub; set spec.root.earlier of the TrustPolicy to USE \
         to go on with it, or to IGNORE to make a new root"
    );
    Refusal::new(Reason::EarlierRootFound, message)
}

/// The end of a root's validity and the rest of its facts, for status.
pub(crate) fn root_status(issuer: &Issuer) -> Vec<meshroot_api::policy::RootStatus> {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use meshroot_api::policy::{RootPhase, RootStatus};
    let status = |(place, root): (usize, &meshroot_pki::Certificate)| RootStatus {
        fingerprint: root.fingerprint().to_string(),
        subject: root.subject().to_string(),
        not_before: Some(Time(root.not_before())),
        not_after: Some(Time(root.not_after())),
        phase: if place == 0 { RootPhase::Signing } else { RootPhase::Trusted },
    };
    issuer.roots().iter().enumerate().map(status).collect()
}
