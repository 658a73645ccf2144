//! A request: what was asked, what would be signed or was, who decides, and what that changes.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use meshroot_api::names::{REASON_ANNOTATION, RequestName};
use meshroot_api::policy::{ApprovalMode, ApprovalPolicy};
use meshroot_api::record::{Decision, Person, Verdict};
use meshroot_api::{
    Asked, IssuanceRecord, Mesh, MeshTrust, RequestApproval, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::identity;
use meshroot_core::issuance::{Given, approval_digest, brought_by, subject_parts};
use meshroot_core::membership::Key;
use meshroot_pki::{Certificate, CertificateRequest, DistinguishedName};

use super::difference::{self, Profile, answer};
use crate::certificates::facts;
use crate::{Sheet, age, full_name};

/// A request and what belongs to it; all but the request may be missing.
pub struct RequestFile {
    /// The request.
    pub request: Request,
    /// The one whose certificate is in use, as [`previous`] finds it.
    pub previous: Option<Request>,
    /// The mesh that it is for.
    pub mesh: Option<Mesh>,
    /// What that mesh should use and has loaded.
    pub trust: Option<MeshTrust>,
    /// The policy of its virtual mesh.
    pub policy: Option<TrustPolicy>,
    /// What the ledger says of it.
    pub record: Option<IssuanceRecord>,
    /// What it says of the one whose certificate is in use.
    pub record_before: Option<IssuanceRecord>,
    /// Its virtual mesh.
    pub virtual_mesh: Option<VirtualMesh>,
    /// The approvals that people gave.
    pub approvals: Vec<RequestApproval>,
}

/// The newest answered request before `own`, of the same mesh and virtual mesh: its certificate is in use.
pub fn previous(own: &RequestName, all: Vec<Request>) -> Option<Request> {
    let earlier = |request: Request| {
        let name = RequestName::parse(request.metadata.name.as_deref()?)?;
        let same = name.mesh == own.mesh && name.virtual_mesh == own.virtual_mesh;
        (same && name.generation < own.generation && request.is_answered())
            .then_some((name.generation, request))
    };
    let earlier = all.into_iter().filter_map(earlier);
    earlier.max_by_key(|(generation, _)| *generation).map(|(_, request)| request)
}

impl RequestFile {
    /// Who approved it so far, where people are asked.
    pub fn given(&self, now: Timestamp) -> Option<Given> {
        Asked::of(&self.request)?;
        let approval = &self.policy.as_ref()?.spec.approval;
        Some(Given::to(&self.request, &self.approvals, approval, now))
    }

    /// Everything that is known of it at `now`.
    pub fn sheet(&self, now: Timestamp) -> Sheet {
        let mut sheet = Sheet::default();
        head(&mut sheet, self, now);
        asked(&mut sheet, self);
        decision(&mut sheet, self, now);
        match answer(&self.request) {
            Some((certificate, roots)) => issued(&mut sheet, &certificate, &roots, now),
            None => planned(&mut sheet, self),
        }
        changes(&mut sheet, self);
        sheet
    }
}

fn head(sheet: &mut Sheet, file: &RequestFile, now: Timestamp) {
    let request = &file.request;
    let status = request.status_or_default().computed_status;
    sheet.heading(format!("Request {}", full_name(&request.metadata)));
    sheet.field("Virtual mesh", request.spec.virtual_mesh_ref.to_string());
    let mesh = file.mesh.as_ref().map(|mesh| full_name(&mesh.metadata));
    sheet.field("Mesh", mesh.unwrap_or_else(|| "not found".to_owned()));
    if let Some(created) = &request.metadata.creation_timestamp {
        sheet.field("Created", age::with_distance(created.0, now));
    }
    sheet.field("Key brought by", brought_by(request).unwrap_or_default());
    sheet.field("Because", request.annotations().get(REASON_ANNOTATION).map_or("", String::as_str));
    sheet.field("State", status.state.word());
    sheet.field("Message", status.message);
    let trust = file.trust.as_ref().and_then(|trust| trust.status.as_ref());
    let own = request.metadata.name.as_deref();
    if let Some(trust) = trust.filter(|trust| trust.installed.as_deref() == own) {
        sheet.field("In use", trust.pickup.word());
        sheet.field("", &trust.message);
    }
}

fn asked(sheet: &mut Sheet, file: &RequestFile) {
    let spec = &file.request.spec;
    sheet.heading("What is asked");
    sheet.fields("Hosts", &spec.cert_config.hosts);
    sheet.field("Organization", &spec.cert_config.org);
    sheet.field("Mesh type", spec.cert_config.mesh_type.word());
    if spec.csr_data.0.is_empty() {
        sheet.field("CSR", "none yet: the agent makes its key first");
        return;
    }
    match CertificateRequest::parse(&spec.csr_data.0) {
        Ok(csr) => {
            sheet.facts(&facts::request(&csr));
            let same = names_of(&csr).is_empty()
                || names_of(&csr) == spec.cert_config.hosts.iter().cloned().collect();
            sheet.field("", if same { "" } else { "THE CSR'S NAMES ARE NOT THE HOSTS ASKED FOR" });
        }
        Err(error) => sheet.field("CSR", format!("CANNOT BE READ: {error}")),
    }
}

fn names_of(csr: &CertificateRequest) -> BTreeSet<String> {
    csr.hosts().iter().map(ToString::to_string).collect()
}

fn decision(sheet: &mut Sheet, file: &RequestFile, now: Timestamp) {
    let approval = file.request.status_or_default().third_party_approval;
    sheet.heading("Decision");
    sheet.field("Approval", approval.approval_status.word());
    sheet.field("Message", approval.message);
    if let Some(time) = approval.last_updated_time {
        sheet.field("Decided", age::with_distance(time.0, now));
    }
    if let Some(policy) = &file.policy {
        sheet.field("Policy", who_decides(&policy.spec.approval));
    }
    match &file.record {
        Some(record) => recorded(sheet, &record.spec.decision, now),
        None => approvals(sheet, file, now),
    }
}

fn who_decides(approval: &ApprovalPolicy) -> String {
    let mode = match (approval.mode, approval.required()) {
        (ApprovalMode::Automatic, _) => "Automatic: what passes the checks is approved".to_owned(),
        (ApprovalMode::ThirdParty, 1) => {
            "ThirdParty: nothing is signed before somebody approves".to_owned()
        }
        (ApprovalMode::ThirdParty, required) => {
            format!("ThirdParty: nothing is signed before {required} people approve")
        }
    };
    match approval.rules.len() {
        0 => mode,
        1 => format!("1 rule; where it is not true, {mode}"),
        rules => format!("{rules} rules; where none is true, {mode}"),
    }
}

fn recorded(sheet: &mut Sheet, decision: &Decision, now: Timestamp) {
    let time = age::with_distance(decision.time.0, now);
    sheet.field("Recorded", format!("{} by {}, {time}", word(decision.verdict), decision.by));
    sheet.field("", &decision.message);
    sheet.fields("People", &people(&decision.people, now));
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approved => "approved",
        Verdict::Denied => "denied",
        Verdict::Revoked => "revoked",
    }
}

/// Who approved so far, while it is not decided.
fn approvals(sheet: &mut Sheet, file: &RequestFile, now: Timestamp) {
    let Some(given) = file.given(now) else { return };
    sheet.field("Approvals", format!("{} of {}", given.people.len(), given.required));
    sheet.fields("", &people(&given.people, now));
}

fn people(people: &[Person], now: Timestamp) -> Vec<String> {
    let line = |person: &Person| {
        let said =
            if person.message.is_empty() { String::new() } else { format!(": {}", person.message) };
        format!("{}, {}{said}", person.user, age::with_distance(person.time.0, now))
    };
    people.iter().map(line).collect()
}

fn issued(sheet: &mut Sheet, certificate: &Certificate, roots: &[Certificate], now: Timestamp) {
    sheet.heading("What was signed");
    sheet.facts(&facts::certificate(certificate, now));
    let root = |root: &Certificate| format!("{} {}", root.subject(), root.fingerprint());
    sheet.fields("Roots", &roots.iter().map(root).collect::<Vec<_>>());
}

/// What the profile makes of the request: of the CSR only the key counts.
fn planned(sheet: &mut Sheet, file: &RequestFile) {
    sheet.heading("What would be signed");
    sheet
        .field("Subject", subject(file).unwrap_or_else(|error| format!("cannot be made: {error}")));
    sheet.fields("Names", &file.request.spec.cert_config.hosts);
    if let Some(asked) = Asked::of(&file.request) {
        return as_asked(sheet, &file.request, &asked);
    }
    let Some(policy) = &file.policy else {
        sheet.line("the TrustPolicy of the virtual mesh cannot be seen: lifetime and issuer are not known here");
        return;
    };
    let intermediate = &policy.spec.intermediate;
    sheet.field("Authority", format!("CA, path length {}", intermediate.path_len));
    sheet.field("Lifetime", lifetime(intermediate.ttl));
    let status = policy.status.clone().unwrap_or_default();
    if let Some(root) = status.roots.first() {
        sheet.field("Issuer", format!("{} {}", root.subject, root.fingerprint));
    }
}

/// What a person is asked to approve: this is signed, or nothing, whatever the policy says by then.
fn as_asked(sheet: &mut Sheet, request: &Request, asked: &Asked) {
    sheet.field("Authority", format!("CA, path length {}", asked.path_len));
    sheet.field("Lifetime", lifetime(asked.lifetime));
    sheet.field("Issuer", format!("{} {}", asked.issuer, asked.issuer_sha256));
    let digest = approval_digest(request).map(|digest| digest.to_string());
    sheet.field("Approval", digest.map(|digest| format!("--sha256 {digest}")).unwrap_or_default());
}

fn lifetime(ttl: kube::core::Duration) -> String {
    let lifetime = SignedDuration::try_from(std::time::Duration::from(ttl)).unwrap_or_default();
    age::short(lifetime) + ", at most until its issuer ends"
}

fn subject(file: &RequestFile) -> Result<String, meshroot_pki::NameError> {
    let request = &file.request;
    let mesh = file.mesh.as_ref().map(|mesh| Key::of(mesh).name).unwrap_or_default();
    let (mesh, generation) = subject_parts(request, &mesh);
    let organization = match request.spec.cert_config.org.as_str() {
        "" => identity::organization(request.spec.cert_config.mesh_type),
        organization => organization,
    };
    let unit = &request.spec.virtual_mesh_ref.name;
    DistinguishedName::new(organization, unit, &format!("{mesh} {generation}"))
        .map(|name| name.to_string())
}

fn changes(sheet: &mut Sheet, file: &RequestFile) {
    let Some(previous) = &file.previous else { return };
    let Some((certificate, roots)) = answer(previous) else { return };
    let name = previous.metadata.name.as_deref().unwrap_or_default();
    sheet.heading(format!("What changes against {name}, the certificate before"));
    let lines = difference::between(&Profile::issued(&certificate, &roots), &profile(file));
    if lines.is_empty() {
        sheet.line("nothing but the key and the dates");
    }
    for (what, line) in lines {
        sheet.field(what, line);
    }
}

/// What is known of the certificate: all of it once it is issued.
fn profile(file: &RequestFile) -> Profile {
    if let Some((certificate, roots)) = answer(&file.request) {
        // The generation in the subject always differs; that is no change to look at.
        return Profile { subject: None, ..Profile::issued(&certificate, &roots) };
    }
    let csr = CertificateRequest::parse(&file.request.spec.csr_data.0).ok();
    let key = csr.as_ref().map(CertificateRequest::public_key);
    let policy = file.policy.as_ref();
    let asked = Asked::of(&file.request);
    let signing =
        policy.and_then(|policy| policy.status.as_ref()).and_then(|status| status.roots.first());
    let signing = signing.map(|root| root.subject.clone());
    let by_policy = || policy.map(|policy| policy.spec.intermediate.path_len);
    let path_len = asked.as_ref().map(|asked| asked.path_len).or_else(by_policy);
    Profile {
        hosts: file.request.spec.cert_config.hosts.iter().cloned().collect(),
        key_kind: key.map(meshroot_pki::PublicKey::kind_name),
        key: key.map(meshroot_pki::PublicKey::fingerprint),
        issuer: asked.as_ref().map(|asked| asked.issuer.clone()).or(signing),
        authority: path_len.map(|path_len| format!("CA, path length {path_len}")),
        ..Profile::default()
    }
}
