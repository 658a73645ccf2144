//! What conditions see: a request with what would be signed, and the certificate before it.

use std::collections::BTreeSet;
use std::time::Duration;

use cel_language::Value;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::facts::{CertificateFacts, CsrFacts, MeshFacts, RequestFacts, VirtualMeshFacts};
use meshroot_api::names::{
    self, KEY_BROUGHT_BY_ANNOTATION, REASON_ANNOTATION, RequestName, cluster_of_namespace,
};
use meshroot_api::policy::TrustPolicySpec;
use meshroot_api::record::{IssuanceRecordSpec, Verdict};
use meshroot_api::shared::MeshType;
use meshroot_api::{
    Facts, Mesh, Reason, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_pki::{CertificateRequest, Host};
use serde_json::{Value as Json, json};

use super::environment::types;
use crate::identity;
use crate::membership::Key;

/// The last certificate that was issued to a mesh in its virtual mesh, by the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    request: String,
    /// `None` where a release of before recorded nothing of it.
    certificate: Option<CertificateFacts>,
    not_before: Time,
    not_after: Time,
    revoked: bool,
}

impl Last {
    /// One that somebody made up.
    pub fn known(
        request: String,
        certificate: CertificateFacts,
        (not_before, not_after): (Timestamp, Timestamp),
    ) -> Self {
        let certificate = Some(certificate);
        let (not_before, not_after) = (Time(not_before), Time(not_after));
        Self { request, certificate, not_before, not_after, revoked: false }
    }

    /// What a record says; `None` where it is of no certificate.
    pub fn of(record: &IssuanceRecordSpec) -> Option<Self> {
        let prepared = record.prepared.as_ref()?;
        let facts: Option<Facts> = serde_json::from_str(&record.facts).ok();
        (record.decision.verdict == Verdict::Approved).then(|| Self {
            request: record.request.name.clone(),
            certificate: facts.map(|facts| facts.certificate),
            not_before: prepared.not_before.clone(),
            not_after: prepared.not_after.clone(),
            revoked: false,
        })
    }

    /// The newest certificate of `mesh` in `virtual_mesh` before the request called `own`, by records of any ledger. A
    /// request of the original system, whose name has no number, comes after all that there are.
    pub fn before<'a>(
        own: &Key,
        (mesh, virtual_mesh): (&Key, &Key),
        records: impl Iterator<Item = (&'a str, &'a IssuanceRecordSpec)> + Clone,
    ) -> Option<Self> {
        let number = RequestName::parse(&own.name).map_or(u32::MAX, |name| name.generation);
        let is_own = |namespace: &str, record: &IssuanceRecordSpec| {
            let place = Key::new(namespace, &record.request.name);
            place.namespace == own.namespace
                && place.name != own.name
                && Key::resolve(&record.virtual_mesh_ref, namespace) == *virtual_mesh
                && number_of(record) < number
                && is_of(record, mesh)
        };
        let issued = records.clone().filter(|(namespace, record)| is_own(namespace, record));
        let issued =
            issued.filter_map(|(_, record)| Some((record.sequence, record, Self::of(record)?)));
        let (_, record, mut last) = issued.max_by_key(|(sequence, ..)| *sequence)?;
        let serial = record.prepared.as_ref().map_or("", |prepared| &prepared.serial);
        let revocation = names::revocation(&virtual_mesh.name, serial);
        last.revoked = records.into_iter().any(|(namespace, record)| {
            namespace == virtual_mesh.namespace && record.request.name == revocation
        });
        Some(last)
    }
}

/// 0 where the name has none: such requests have no order among each other.
fn number_of(record: &IssuanceRecordSpec) -> u32 {
    RequestName::parse(&record.request.name).map_or(0, |name| name.generation)
}

/// By the request's name, else by what was recorded.
fn is_of(record: &IssuanceRecordSpec, mesh: &Key) -> bool {
    match RequestName::parse(&record.request.name) {
        Some(name) => name.mesh == mesh.name,
        None => serde_json::from_str::<Facts>(&record.facts)
            .is_ok_and(|facts| facts.mesh.name == mesh.name),
    }
}

/// What conditions see.
#[derive(Clone, Debug)]
pub struct Case(Vec<Json>);

impl Case {
    /// A request, the certificate before it, and the time.
    pub fn new(facts: &Facts, last: Option<&Last>, now: Timestamp) -> Self {
        let before = last.and_then(|last| last.certificate.as_ref());
        let (added, removed) = match before {
            Some(before) => hosts(before, &facts.certificate),
            None => Default::default(),
        };
        let mut changes = match (last, before) {
            (None, _) => Vec::new(),
            (Some(_), None) => vec!["unrecorded"],
            (Some(_), Some(before)) => changes(before, &facts.certificate),
        };
        // A certificate that nobody may believe any more vouches for no other.
        let is_stolen = facts.request.reason == Reason::KeyCompromised.word();
        changes.extend(last.filter(|last| last.not_after.0 <= now).map(|_| "expired"));
        changes.extend(last.filter(|last| last.revoked || is_stolen).map(|_| "revoked"));
        // What a condition that fails says of the time must not be another thing each second.
        let minute = now.as_second() - now.as_second().rem_euclid(60);
        let now = Timestamp::from_second(minute).unwrap_or(now);
        Self(vec![
            json!(facts.request),
            json!(facts.csr),
            json!(facts.certificate),
            json!(facts.mesh),
            json!(facts.virtual_mesh),
            last.map_or_else(|| json!({}), shown),
            json!(last.is_some()),
            json!(changes),
            json!(added),
            json!(removed),
            json!(now.to_string()),
        ])
    }

    /// Whether somebody brought the key.
    pub fn is_brought(&self) -> bool {
        self.0.first().is_some_and(|request| request["keyBroughtBy"] != "")
    }

    /// By position in the environment.
    pub(super) fn values(&self) -> Vec<Option<Value<'_>>> {
        let typed = self.0.iter().zip(types());
        typed.map(|(json, (_, kind))| Some(Value::of_json(json, kind))).collect()
    }
}

/// What is not known of it is absent, so that a condition that asks for it cannot be evaluated.
fn shown(last: &Last) -> Json {
    let mut shown = json!(last.certificate);
    if shown.is_null() {
        shown = json!({});
    }
    shown["request"] = json!(last.request);
    shown["notBefore"] = json!(last.not_before);
    shown["notAfter"] = json!(last.not_after);
    shown
}

/// The hosts that were added, and those that were removed.
fn hosts(before: &CertificateFacts, now: &CertificateFacts) -> (Vec<String>, Vec<String>) {
    let set = |facts: &CertificateFacts| facts.hosts.iter().cloned().collect::<BTreeSet<_>>();
    let (before, now) = (set(before), set(now));
    (now.difference(&before).cloned().collect(), before.difference(&now).cloned().collect())
}

fn changes(before: &CertificateFacts, now: &CertificateFacts) -> Vec<&'static str> {
    let (added, removed) = hosts(before, now);
    let changed = [
        ("hosts", !added.is_empty() || !removed.is_empty()),
        ("organization", before.organization != now.organization),
        ("key", before.key != now.key),
        ("lifetime", before.lifetime != now.lifetime),
        ("pathLen", before.path_len != now.path_len),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

/// So much of a subject is kept: an agent chooses it, and nothing of it is signed.
const LONGEST_SUBJECT: usize = 1024;

/// What rules see of a request.
pub fn facts(
    request: &Request,
    csr: &CertificateRequest,
    (mesh, virtual_mesh): (&Mesh, &VirtualMesh),
    policy: &TrustPolicySpec,
) -> Facts {
    let (key, config) = (Key::of(request), &request.spec.cert_config);
    let number = RequestName::parse(&key.name).map_or(0, |name| name.generation);
    let subject = csr.subject().to_string();
    let organization = match config.org.as_str() {
        "" => identity::organization(config.mesh_type),
        organization => organization,
    };
    let ttl = Duration::from(policy.intermediate.ttl);
    Facts {
        request: RequestFacts {
            name: key.name,
            namespace: key.namespace,
            number,
            created: request.metadata.creation_timestamp.clone(),
            reason: annotation(request, REASON_ANNOTATION),
            key_brought_by: annotation(request, KEY_BROUGHT_BY_ANNOTATION),
        },
        csr: CsrFacts {
            sha256: csr.fingerprint().to_string(),
            subject: subject[..subject.floor_char_boundary(LONGEST_SUBJECT)].to_owned(),
            hosts: canonical(&csr.hosts().iter().map(ToString::to_string).collect::<Vec<_>>()),
            key_sha256: csr.public_key().fingerprint().to_string(),
        },
        certificate: CertificateFacts {
            hosts: canonical(&config.hosts),
            organization: organization.to_owned(),
            key: csr.public_key().kind_name(),
            lifetime: format!("{}s", ttl.as_secs()),
            path_len: policy.intermediate.path_len,
        },
        mesh: of_mesh(mesh),
        virtual_mesh: VirtualMeshFacts {
            name: Key::of(virtual_mesh).name,
            namespace: Key::of(virtual_mesh).namespace,
            labels: virtual_mesh.metadata.labels.clone().unwrap_or_default(),
        },
    }
}

fn annotation(request: &Request, name: &str) -> String {
    let annotations = request.metadata.annotations.as_ref();
    annotations.and_then(|all| all.get(name)).cloned().unwrap_or_default()
}

/// Hosts as they are signed, each once; what is none of any kind stays as it is.
fn canonical(hosts: &[String]) -> Vec<String> {
    let read = |host: &String| host.parse::<Host>().map_or(host.clone(), |host| host.to_string());
    hosts.iter().map(read).collect::<BTreeSet<_>>().into_iter().collect()
}

fn of_mesh(mesh: &Mesh) -> MeshFacts {
    let Key { name, namespace } = Key::of(mesh);
    let installation = mesh.spec.installation();
    MeshFacts {
        name,
        cluster: cluster_of_namespace(&namespace).unwrap_or_default().to_owned(),
        namespace,
        mesh_type: mesh.spec.mesh_type().map_or("", MeshType::word).to_owned(),
        installation_namespace: installation.map_or("", |it| &it.installation_namespace).to_owned(),
        version: installation.map_or("", |it| &it.version).to_owned(),
        trust_domain: identity::trust_domain(&mesh.spec).to_owned(),
        labels: mesh.metadata.labels.clone().unwrap_or_default(),
    }
}
