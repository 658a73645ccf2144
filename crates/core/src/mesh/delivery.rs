//! What is to be installed: an answer that verifies against what this cluster asked for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use meshroot_api::names::RequestName;
use meshroot_api::policy::Adopt;
use meshroot_api::{Mesh, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::{
    Certificate, CertificateError, PathOptions, PublicKey, Purpose, build_path, parse_bundle,
};

use super::found::{Delivery, Found, Installed};
use super::taking::{self, Stage};
use super::{Fact, Stop, View};
use crate::refusal::Refusal;
use crate::{identity, meshes};

/// What becomes of the answer to the request that a mesh should have its certificate of.
pub(super) enum Answer {
    /// There is none, or it is installed.
    Settled,
    /// It is to be installed.
    Due(Box<Delivery>),
    /// The mesh is being taken over: what comes first is there.
    Taking(Box<Stage>),
    /// It can never be installed, whatever else changes: another one is needed.
    Useless(Refusal),
}

/// What is sent above the intermediate of a mesh, where MeshTrust tells that.
pub fn above(trust: &MeshTrust) -> Result<Option<Vec<Certificate>>, Refusal> {
    let read = |text: &String| {
        parse_or_nothing(text).map_err(|error| {
            Refusal::new(
                Reason::ResponseInvalid,
                format!("MeshTrust spec.chainCertificates: {error}"),
            )
        })
    };
    trust.spec.chain_certificates.as_ref().map(read).transpose()
}

/// An empty text holds no certificate, and is no error.
fn parse_or_nothing(text: &str) -> Result<Vec<Certificate>, CertificateError> {
    if text.is_empty() { Ok(Vec::new()) } else { parse_bundle(text.as_bytes()) }
}

/// The trust anchors of a mesh; empty where it is told nothing yet.
pub fn anchors(trust: &MeshTrust) -> Result<Vec<Certificate>, Refusal> {
    parse_or_nothing(&trust.spec.trust_anchors).map_err(|error| {
        Refusal::new(Reason::ResponseInvalid, format!("MeshTrust spec.trustAnchors: {error}"))
    })
}

/// The answer to `wanted`. An error where it cannot be installed as things are.
pub(super) fn of(view: &View<'_>, wanted: &RequestName, now: Timestamp) -> Result<Answer, Stop> {
    let answered = view.request(wanted).filter(|request| request.is_answered());
    let Some(request) = answered.filter(|_| !view.roots.is_empty()) else {
        return Ok(Answer::Settled);
    };
    // Settled: the key Secret need not be read again.
    let is_taken = match view.found {
        Found::Ours(installed) => {
            installed.taking.as_ref().is_some_and(|taking| !taking.is_over(now))
        }
        _ => false,
    };
    if !is_taken && (view.facts.delivered || is_settled(view, wanted)) {
        return Ok(Answer::Settled);
    }
    check_goal(view, wanted)?;
    let kept = view.facts.key(wanted)?.map(|kept| &kept.public_key);
    let chain = match read(wanted, request, view.above, kept, now) {
        Ok(chain) => chain,
        Err(refusal) => return Ok(Answer::Useless(refusal)),
    };
    if let Some(intermediate) = chain.first() {
        check_identity(intermediate, view.mesh, &request.spec.cert_config.hosts)
            .map_err(|what| invalid(wanted, what))?;
    }
    lint(wanted, &chain, view, now)?;
    let would_change = changes_root(view, &chain, now);
    if view.trust.spec.adopt == Adopt::Never {
        check_own(view, wanted, would_change)?;
    }
    let told = Delivery {
        request: Some(wanted.clone()),
        chain,
        roots: in_place(view.found, view.roots.to_vec()),
        goal: goal(view.trust),
        keeps: false,
        taking: None,
    };
    let mut stage = taking::stage(view, &told, would_change, now)?;
    if let Some(stage) = &mut stage {
        let roots = std::mem::take(&mut stage.delivery.roots);
        stage.delivery.roots = in_place(view.found, roots);
    }
    let is_written = match (&stage, view.found) {
        (Some(stage), Found::Ours(installed)) => stage.is_written(installed),
        (None, _) => is_settled(view, wanted),
        _ => false,
    };
    if view.facts.delivered || is_written {
        return Ok(stage.map_or(Answer::Settled, |stage| Answer::Taking(Box::new(stage))));
    }
    // Of two watches one may lag: what was told before must not be written once something else is told.
    if !view.facts.trust_is_fresh {
        return Err(Fact::FreshTrust.into());
    }
    Ok(Answer::Due(Box::new(stage.map_or(told, |stage| stage.delivery))))
}

fn goal(trust: &MeshTrust) -> Option<u32> {
    trust.spec.rotation.as_ref().map(|telling| telling.goal.sequence)
}

/// A hub that was restored from an old backup tells what held then: roots that were replaced since would come back, and
/// what is trusted now would go.
fn check_goal(view: &View<'_>, wanted: &RequestName) -> Result<(), Refusal> {
    let Found::Ours(installed) = view.found else { return Ok(()) };
    let own = RequestName::parse(&installed.request);
    let is_same = own.is_some_and(|own| own.virtual_mesh == wanted.virtual_mesh);
    let (had, told) = (installed.goal.unwrap_or_default(), goal(view.trust).unwrap_or_default());
    if !is_same || told >= had && follows(installed, view) {
        return Ok(());
    }
    let message = format!(
        "what is installed was told for goal {had} of the virtual mesh's roots (MeshTrust spec.rotation.goal.sequence), the \
         hub now tells goal {told} and does not know of the trust anchors that are installed: it went back, as after a \
         restore from an old backup. Restore a later one; nothing is changed here until then"
    );
    Err(Refusal::new(Reason::HubWentBack, message))
}

/// Whether the hub knows of what is installed: MeshTrust holds what is told, and all that was told before and some workload
/// may still have.
fn follows(installed: &Installed, view: &View<'_>) -> bool {
    let (Some(_), Some(telling)) = (installed.goal, &view.trust.spec.rotation) else { return true };
    // What the mesh trusted before, and trusts on for a while, was never told.
    let own = installed.taking.as_ref().map_or(&[][..], |taking| &taking.facts.own);
    let has = installed.anchors.iter().map(|anchor| anchor.fingerprint().to_string());
    let has: BTreeSet<String> = has.filter(|anchor| !own.contains(anchor)).collect();
    let told: BTreeSet<String> =
        view.roots.iter().map(|one| one.fingerprint().to_string()).collect();
    !installed.intact
        || has.is_empty()
        || has == told
        || telling.trusted.iter().any(|set| set.iter().cloned().collect::<BTreeSet<_>>() == has)
}

/// What is there may be replaced without a word: ours, and under a root that the mesh goes on to trust, or one that
/// signed what its workloads have by now.
fn check_own(view: &View<'_>, wanted: &RequestName, would_change: bool) -> Result<(), Refusal> {
    let installed = match view.found {
        Found::Foreign { refusal, .. } => return Err(refusal.clone()),
        Found::Ours(installed) if would_change => installed,
        Found::Nothing | Found::SelfSigned(_) | Found::Ours(_) => return Ok(()),
    };
    let message = format!(
        "the certificate in use, of request {}, is under another root than that of {wanted}: workloads that trust only \
         the former would refuse those of this mesh; set spec.adopt: Always in the TrustPolicy to have it replaced in steps",
        installed.request
    );
    Err(Refusal::new(Reason::RootWouldChange, message))
}

/// Whether what is installed is under other roots than what is told.
fn changes_root(view: &View<'_>, chain: &[Certificate], now: Timestamp) -> bool {
    let Found::Ours(installed) = view.found else { return false };
    let is_alive = installed.intermediate.as_ref().is_some_and(|one| one.not_after() > now);
    // The cross-certificate that it was installed with may be gone from what is told.
    let between: Vec<Certificate> = installed.chain.iter().chain(chain).cloned().collect();
    let leads_there = |one: &Certificate| {
        build_path(one, &between, view.roots, &PathOptions::new(now, Purpose::Any)).is_ok()
    };
    is_alive
        && !installed.anchors.is_empty()
        && !view.roots.iter().any(|root| installed.anchors.contains(root))
        && !installed.intermediate.as_ref().is_some_and(leads_there)
}

/// The same roots stay in the order that they are written in, whoever signs: istiod without multi-root asks whether the file
/// is the same bytes, and drops the whole update where it is not.
fn in_place(found: &Found, roots: Vec<Certificate>) -> Vec<Certificate> {
    match found {
        Found::Ours(installed) if same_roots(&installed.anchors, &roots) => {
            installed.anchors.clone()
        }
        _ => roots,
    }
}

fn same_roots(one: &[Certificate], other: &[Certificate]) -> bool {
    one.len() == other.len() && one.iter().all(|root| other.contains(root))
}

/// True where what should be installed is, untouched.
pub(super) fn is_settled(view: &View<'_>, wanted: &RequestName) -> bool {
    let Found::Ours(installed) = view.found else { return false };
    let above = installed.chain.get(1..).unwrap_or_default();
    installed.intact
        && installed.request == wanted.to_string()
        && same_roots(&installed.anchors, view.roots)
        && view.above.is_none_or(|told| told == above)
}

/// The chain to be installed: the response's, or its first with what is told to be sent `above`. What is wrong here stays wrong: an answer is never changed, a key that is gone does not come
/// back, nor does the time.
fn read(
    name: &RequestName,
    request: &Request,
    above: Option<&[Certificate]>,
    key: Option<&PublicKey>,
    now: Timestamp,
) -> Result<Vec<Certificate>, Refusal> {
    let response = request.status_or_default().response;
    let chain = parse_bundle(&response.ca_certificate.0)
        .map_err(|error| invalid(name, error.to_string()))?;
    let intermediate = chain.first().ok_or_else(|| invalid(name, "is empty"))?;
    match key {
        None => return Err(invalid(name, "there is no key for it in this cluster any more")),
        Some(key) if intermediate.public_key() != key => {
            return Err(invalid(name, "the certificate is for another key"));
        }
        Some(_) => {}
    }
    let end = intermediate.not_after();
    if end <= now {
        return Err(invalid(name, format!("the certificate ended {end}, before it was installed")));
    }
    Ok(match above {
        None => chain,
        Some(above) => chain.into_iter().take(1).chain(above.iter().cloned()).collect(),
    })
}

/// Path to the anchors, and what the mesh or its peers would break on.
fn lint(
    name: &RequestName,
    chain: &[Certificate],
    view: &View<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let mesh_type = view.mesh.spec.mesh_type().unwrap_or_default();
    match (meshes::of(mesh_type).lint)(chain, view.roots, now).first() {
        None => Ok(()),
        Some(finding) => {
            let what = format!("{} ({})", finding.message, finding.rule);
            Err(refuse(Reason::LintRefused, name, what))
        }
    }
}

fn check_identity(intermediate: &Certificate, mesh: &Mesh, asked: &[String]) -> Result<(), String> {
    let mut names: Vec<String> = intermediate.hosts().iter().map(ToString::to_string).collect();
    let mut asked: Vec<String> = asked.to_vec();
    names.sort();
    asked.sort();
    asked.dedup();
    if names != asked {
        return Err(format!(
            "the certificate is named [{}], asked was [{}]",
            names.join(", "),
            asked.join(", ")
        ));
    }
    let own = identity::of(&mesh.spec).unwrap_or_default();
    if !own.is_empty() && !names.contains(&own) {
        return Err(format!("the certificate is not named {own}, the mesh's identity"));
    }
    Ok(())
}

fn invalid(name: &RequestName, what: impl std::fmt::Display) -> Refusal {
    refuse(Reason::ResponseInvalid, name, what)
}

fn refuse(reason: Reason, name: &RequestName, what: impl std::fmt::Display) -> Refusal {
    Refusal::new(reason, format!("request {name}, status.response.caCertificate: {what}"))
}
