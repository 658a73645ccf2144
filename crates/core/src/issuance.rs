//! What becomes of one request: the checks before anything is signed, and the decision.

use std::collections::BTreeSet;

use meshroot_api::names::RequestName;
use meshroot_api::policy::ApprovalMode;
use meshroot_api::security::{ApprovalStatus, CertConfig};
use meshroot_api::{Mesh, Reason, VirtualMesh, VirtualMeshCertificateSigningRequest};
use meshroot_pki::{CertificateRequest, Host, RequestError};

use crate::identity;
use crate::membership::{self, Key};
use crate::notice::Notice;
use crate::refusal::Refusal;

/// All that is looked at.
pub struct Snapshot<'a> {
    /// The request.
    pub request: &'a VirtualMeshCertificateSigningRequest,
    /// The virtual mesh that it refers to, if that exists.
    pub virtual_mesh: Option<&'a VirtualMesh>,
    /// The mesh that it is for, if one was found.
    pub mesh: Option<&'a Mesh>,
    /// Hosts that the policy allows beside the mesh's identity.
    pub allowed_hosts: &'a [String],
    /// Who approves.
    pub mode: ApprovalMode,
    /// The mesh other than this one, if any, whose identity a host is. Asked only for hosts that are not the mesh's own.
    pub mesh_of_host: &'a dyn Fn(&Host) -> Option<Key>,
    /// The earlier request in the virtual mesh, if any, that used a public key.
    pub earlier_use: &'a dyn Fn(&CertificateRequest) -> Option<Key>,
}

/// A request that passed every check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The PKCS#10 request.
    pub csr: CertificateRequest,
    /// What the certificate is to be named.
    pub hosts: Vec<Host>,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Decision {
    /// Nothing: it was answered.
    Answered,
    /// Wait; nothing is signed.
    Wait(Notice),
    /// Never sign it. The user must act, or somebody denied it.
    Refuse(Refusal),
    /// Record and sign it.
    Issue {
        /// What to sign.
        checked: Box<Checked>,
        /// `policy` or `third-party`.
        by: &'static str,
        /// Why, for people.
        message: String,
    },
}

/// Decides on a request. The same snapshot always gives the same decision.
pub fn decide(snapshot: &Snapshot<'_>) -> Decision {
    let request = snapshot.request;
    if request.is_answered() {
        return Decision::Answered;
    }
    let workflow = request.status_or_default().third_party_approval;
    if workflow.approval_status == ApprovalStatus::Denied {
        return Decision::Refuse(denial(&workflow.message));
    }
    if let Err(refusal) = check_place(snapshot) {
        return Decision::Refuse(refusal);
    }
    if request.spec.csr_data.0.is_empty() {
        let message =
            "waiting for the cluster's agent to make a key and a certificate signing request";
        return Decision::Wait(Notice::new(Reason::WaitingForAgent, message));
    }
    let checked = match check(snapshot) {
        Ok(checked) => Box::new(checked),
        Err(refusal) => return Decision::Refuse(refusal),
    };
    match (workflow.approval_status, snapshot.mode) {
        (ApprovalStatus::Approved, _) => {
            Decision::Issue { checked, by: "third-party", message: workflow.message.clone() }
        }
        (_, ApprovalMode::Automatic) => {
            Decision::Issue { checked, by: "policy", message: "approval mode AUTOMATIC".to_owned() }
        }
        (_, ApprovalMode::ThirdParty) => {
            Decision::Wait(Notice::new(Reason::WaitingForApproval, ask(request)))
        }
    }
}

/// The checks that the ledger's decision does not replace after a crash: the request must still be well formed
/// and hold the key that was decided on.
pub fn read(request: &VirtualMeshCertificateSigningRequest) -> Result<CertificateRequest, Refusal> {
    let csr =
        CertificateRequest::parse(&request.spec.csr_data.0).map_err(|error| malformed(&error))?;
    csr.public_key()
        .check_strength()
        .map_err(|error| Refusal::new(Reason::WeakKey, format!("spec.csrData: {error}")))?;
    Ok(csr)
}

/// Name and generation that the certificate's subject carries: from the request's name, or for names of the
/// original system the mesh's name and the request's.
pub fn subject_parts(
    request: &VirtualMeshCertificateSigningRequest,
    mesh: &str,
) -> (String, String) {
    let name = request.metadata.name.as_deref().unwrap_or_default();
    match RequestName::parse(name) {
        Some(parsed) => (parsed.mesh, parsed.generation.to_string()),
        None => (
            mesh.to_owned(),
            request.metadata.uid.as_deref().unwrap_or(name).chars().take(8).collect(),
        ),
    }
}

/// Whether a mesh can be the one that a request of the original system, whose name says nothing, is for.
pub fn matches(request: &VirtualMeshCertificateSigningRequest, mesh: &Mesh) -> bool {
    let config = &request.spec.cert_config;
    mesh.spec.mesh_type() == Some(config.mesh_type)
        && identity::of(&mesh.spec).is_some_and(|identity| config.hosts.contains(&identity))
}

fn check_place(snapshot: &Snapshot<'_>) -> Result<(), Refusal> {
    let reference = &snapshot.request.spec.virtual_mesh_ref;
    let Some(virtual_mesh) = snapshot.virtual_mesh else {
        let message = format!(
            "spec.virtualMeshRef: there is no VirtualMesh {reference}; create it, or delete this request"
        );
        return Err(Refusal::new(Reason::UnknownVirtualMesh, message));
    };
    check_name(snapshot.request)?;
    let Some(mesh) = snapshot.mesh else {
        let message = "no Mesh of this cluster goes with the request's name or spec.certConfig.hosts; create the Mesh, or delete this request";
        return Err(Refusal::new(Reason::UnknownMesh, message));
    };
    let key = Key::of(mesh);
    if !membership::members(virtual_mesh).any(|member| member == key) {
        let message = format!(
            "Mesh {key} is not in spec.meshes of VirtualMesh {reference}; add it there, or delete this request"
        );
        return Err(Refusal::new(Reason::NotAMember, message));
    }
    // What the mesh is counts as much as what the request says it is.
    let asked = snapshot.request.spec.cert_config.mesh_type;
    [Some(asked), mesh.spec.mesh_type()]
        .into_iter()
        .flatten()
        .try_for_each(|mesh_type| identity::supported(&key.name, mesh_type))
}

fn check(snapshot: &Snapshot<'_>) -> Result<Checked, Refusal> {
    let csr = read(snapshot.request)?;
    if let Some(earlier) = (snapshot.earlier_use)(&csr) {
        let message = format!(
            "spec.csrData: request {earlier} used this key already; a new request needs a new key"
        );
        return Err(Refusal::new(Reason::KeyReused, message));
    }
    check_organization(&snapshot.request.spec.cert_config)?;
    let hosts = hosts(&snapshot.request.spec.cert_config)?;
    check_same_hosts(&csr, &hosts)?;
    if let Some(mesh) = snapshot.mesh {
        hosts.iter().try_for_each(|host| check_host(host, mesh, snapshot))?;
    }
    Ok(Checked { csr, hosts })
}

/// A name of ours carries the virtual mesh; a certificate must not be filed under another one.
fn check_name(request: &VirtualMeshCertificateSigningRequest) -> Result<(), Refusal> {
    let name = request.metadata.name.as_deref().unwrap_or_default();
    let referred = &request.spec.virtual_mesh_ref.name;
    match RequestName::parse(name) {
        Some(parsed) if parsed.virtual_mesh != *referred => {
            let message = format!(
                "the name says virtual mesh {}, spec.virtualMeshRef.name says {referred}; create the request as \
                 {}.{referred}.{}",
                parsed.virtual_mesh, parsed.mesh, parsed.generation
            );
            Err(Refusal::new(Reason::NameMismatch, message))
        }
        _ => Ok(()),
    }
}

/// The organization comes from an object that a cluster may write: it must not name somebody else's.
fn check_organization(config: &CertConfig) -> Result<(), Refusal> {
    let expected = identity::organization(config.mesh_type);
    if config.org.is_empty() || config.org.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let message = format!(
        "spec.certConfig.org: {:?} is not {expected:?}, the mesh's type; leave it out",
        config.org
    );
    Err(Refusal::new(Reason::OrgNotAllowed, message))
}

/// The hosts of a configuration, sorted and each once.
pub fn hosts(config: &CertConfig) -> Result<Vec<Host>, Refusal> {
    let parsed: BTreeSet<Host> = config
        .hosts
        .iter()
        .map(|host| {
            host.parse().map_err(|error| {
                Refusal::new(
                    Reason::HostNotAllowed,
                    format!("spec.certConfig.hosts: {host:?}: {error}"),
                )
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(parsed.into_iter().collect())
}

fn check_same_hosts(csr: &CertificateRequest, hosts: &[Host]) -> Result<(), Refusal> {
    let asked: BTreeSet<&Host> = csr.hosts().iter().collect();
    if asked.is_empty() || asked == hosts.iter().collect() {
        return Ok(());
    }
    let list = |hosts: &mut dyn Iterator<Item = &Host>| {
        hosts.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let message = format!(
        "spec.csrData asks for [{}], spec.certConfig.hosts says [{}]; make a request for the latter",
        list(&mut asked.iter().copied()),
        list(&mut hosts.iter())
    );
    Err(Refusal::new(Reason::HostsMismatch, message))
}

fn check_host(host: &Host, mesh: &Mesh, snapshot: &Snapshot<'_>) -> Result<(), Refusal> {
    if identity::host(&mesh.spec).as_ref() == Some(host) {
        return Ok(());
    }
    let name = mesh.metadata.name.as_deref().unwrap_or_default();
    if let Some(other) = (snapshot.mesh_of_host)(host) {
        let message = format!(
            "spec.certConfig.hosts: {host} is the identity of Mesh {other}, not of {name}; remove it"
        );
        return Err(Refusal::new(Reason::HostOfAnotherMesh, message));
    }
    if snapshot.allowed_hosts.iter().any(|allowed| allowed.parse().as_ref() == Ok(host)) {
        return Ok(());
    }
    let expected = identity::of(&mesh.spec).unwrap_or_default();
    let message = format!(
        "spec.certConfig.hosts: {host} is not the identity of Mesh {name} ({expected}); correct the Mesh \
         (spec.istio.citadelInfo), or list the host under spec.hosts.allow of the TrustPolicy"
    );
    Err(Refusal::new(Reason::HostNotAllowed, message))
}

fn malformed(error: &RequestError) -> Refusal {
    let reason = match error {
        RequestError::ProofOfPossession(_) => Reason::CsrSignatureInvalid,
        RequestError::Key(_) => Reason::WeakKey,
        _ => Reason::CsrMalformed,
    };
    Refusal::new(reason, format!("spec.csrData: {error}"))
}

/// What is said of a denied request, now and when it is read again from the ledger.
pub fn denial(message: &str) -> Refusal {
    let why = if message.is_empty() { String::new() } else { format!(": {message}") };
    Refusal::new(
        Reason::Denied,
        format!("denied by a third party{why}; ask for a renewal once the cause is settled"),
    )
}

fn ask(request: &VirtualMeshCertificateSigningRequest) -> String {
    let namespace = request.metadata.namespace.as_deref().unwrap_or_default();
    let name = request.metadata.name.as_deref().unwrap_or_default();
    format!("waiting for somebody to approve: meshroot approve {namespace}/{name}")
}
