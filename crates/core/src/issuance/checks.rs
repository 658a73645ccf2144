//! The checks of one request.

use std::collections::BTreeSet;

use meshroot_api::names::RequestName;
use meshroot_api::policy::TrustPolicySpec;
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_api::security::CertConfig;
use meshroot_api::{Mesh, Reason, VirtualMesh, VirtualMeshCertificateSigningRequest};
use meshroot_pki::{CertificateRequest, CheckedRequest, Host, HostsDiffer, KeyError, RequestError};

use super::{Checked, Snapshot, key_reused, policy_not_there};
use crate::identity;
use crate::membership::{self, Key};
use crate::refusal::Refusal;
use crate::rules::{self, Case};

/// The mesh that a request is for and the virtual mesh that it is a member of.
pub(super) struct Place<'a> {
    virtual_mesh: &'a VirtualMesh,
    mesh: &'a Mesh,
}

impl Place<'_> {
    /// What rules see of a request that passed the checks.
    pub(super) fn case(
        &self,
        snapshot: &Snapshot<'_>,
        checked: &Checked,
        policy: &TrustPolicySpec,
    ) -> Case {
        let place = (self.mesh, self.virtual_mesh);
        let facts = rules::facts(snapshot.request, checked.csr(), place, policy);
        Case::new(&facts, (snapshot.last)().as_ref(), snapshot.now)
    }
}

/// The request is for a member of a virtual mesh, and of a type that takes an intermediate.
pub(super) fn place<'a>(snapshot: &Snapshot<'a>) -> Result<Place<'a>, Refusal> {
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
    if snapshot.superseded {
        let message = "a later request of this mesh has its certificate already; delete this one";
        return Err(Refusal::new(Reason::Superseded, message));
    }
    if snapshot.far_ahead {
        let message = "the number in its name is more than a thousand above what the ledger knows of this mesh; delete it, and the \
                       next request is made by itself, or by meshroot renew";
        return Err(Refusal::new(Reason::NameMismatch, message));
    }
    // Whoever settles it has the request issued after all: no conflict of this request's own.
    let in_another = |refusal: Refusal| Refusal::new(Reason::NotAMember, refusal.message);
    snapshot.membership.check(&key, &Key::of(virtual_mesh)).map_err(in_another)?;
    // What the mesh is counts as much as what the request says it is.
    let asked = snapshot.request.spec.cert_config.mesh_type;
    [Some(asked), mesh.spec.mesh_type()]
        .into_iter()
        .flatten()
        .try_for_each(|mesh_type| identity::supported(&key.name, mesh_type))?;
    Ok(Place { virtual_mesh, mesh })
}

/// The request is well formed, has a strong key of its own, and asks for nothing but the identity of its mesh.
pub(super) fn request(snapshot: &Snapshot<'_>, place: &Place<'_>) -> Result<Checked, Refusal> {
    let csr = read(snapshot.request)?;
    check_not_blocked(&csr, snapshot)?;
    if let Some(holder) = (snapshot.holder_of_key)(csr.public_key()) {
        return Err(key_reused(&holder));
    }
    let config = &snapshot.request.spec.cert_config;
    check_organization(config)?;
    let hosts = hosts(config)?;
    let checked = settle(csr, hosts)?;
    checked.hosts().iter().try_for_each(|host| check_host(host, place.mesh, snapshot))?;
    Ok(Checked::new(checked, snapshot.request, place.virtual_mesh, place.mesh))
}

/// What the ledger's decision does not replace after a crash: the request must still be well formed and hold the key
/// that was decided on, and what it is for must still be there.
pub(super) fn recorded(
    snapshot: &Snapshot<'_>,
    record: &IssuanceRecordSpec,
) -> Result<Checked, Refusal> {
    let csr = read(snapshot.request).ok();
    let csr = csr.filter(|csr| csr.fingerprint().to_string() == record.csr_sha256);
    let csr = csr.ok_or_else(|| {
        let message = "spec.csrData is not what the ledger's decision is about; ask for a renewal";
        Refusal::new(Reason::RecordMismatch, message)
    })?;
    check_not_blocked(&csr, snapshot)?;
    let checked = settle(csr, hosts(&snapshot.request.spec.cert_config)?)?;
    match (snapshot.virtual_mesh, snapshot.policy, snapshot.mesh) {
        (Some(virtual_mesh), Some(_), Some(mesh)) => {
            Ok(Checked::new(checked, snapshot.request, virtual_mesh, mesh))
        }
        (Some(_), None, _) => Err(policy_not_there()),
        _ => Err(Refusal::new(Reason::UnknownMesh, "the VirtualMesh or the Mesh is gone")),
    }
}

/// The PKCS#10 request within: well formed, signed by its own key, and that key strong.
pub fn read(request: &VirtualMeshCertificateSigningRequest) -> Result<CertificateRequest, Refusal> {
    let csr =
        CertificateRequest::parse(&request.spec.csr_data.0).map_err(|error| malformed(&error))?;
    csr.public_key().check_strength().map_err(|error| weak(&error))?;
    Ok(csr)
}

fn check_not_blocked(csr: &CertificateRequest, snapshot: &Snapshot<'_>) -> Result<(), Refusal> {
    csr.public_key().check_not_on(snapshot.blocked).map_err(|error| weak(&error))
}

fn weak(error: &KeyError) -> Refusal {
    Refusal::new(Reason::WeakKey, format!("spec.csrData: {error}"))
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
fn hosts(config: &CertConfig) -> Result<Vec<Host>, Refusal> {
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

#[expect(clippy::disallowed_methods, reason = "this is where requests are checked")]
fn settle(csr: CertificateRequest, hosts: Vec<Host>) -> Result<CheckedRequest, Refusal> {
    CheckedRequest::new(csr, hosts).map_err(|HostsDiffer { asked, settled }| {
        let list = |hosts: &BTreeSet<Host>| {
            hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let message = format!(
            "spec.csrData asks for [{}], spec.certConfig.hosts says [{}]; make a request for the latter",
            list(&asked),
            list(&settled)
        );
        Refusal::new(Reason::HostsMismatch, message)
    })
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
    let allowed = snapshot.policy.map(|policy| policy.hosts.allow.as_slice()).unwrap_or_default();
    if allowed.iter().any(|allowed| allowed.parse().as_ref() == Ok(host)) {
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
