//! Virtual meshes: a policy where there is none, and how far all members are.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use meshroot_api::names;
use meshroot_api::policy::{RootPhase, RootStatus, TrustPolicySpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{Reason, TrustPolicy, VirtualMesh};
use meshroot_core::findings::Findings;
use meshroot_core::membership::{self, Key};
use meshroot_core::progress::{self, Member, View};
use meshroot_core::rules::Rules;
use meshroot_core::{Notice, Refusal, identity, trust};
use meshroot_pki::Fingerprint;
use meshroot_runtime::kube::write::{create_if_absent, replace_status};
use meshroot_runtime::process::clock;
use meshroot_runtime::process::queue::Outcome;

use super::rotation::Looked;
use super::{request, revocation, rotation};
use crate::authority::{Further, Roots};
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::wire_time;
use crate::modes::Mode;

/// How often a virtual mesh is looked at without any change: a root Secret may have been taken away.
const AGAIN: Duration = Duration::from_mins(1);

/// Brings the status of one virtual mesh, and of its policy, up to date.
pub(crate) async fn reconcile(hub: Arc<Hub>, key: Key) -> Result<Outcome, HubError> {
    let Some(virtual_mesh) = hub.virtual_mesh(&key) else {
        hub.authority.forget(&key);
        hub.rotations.forget_one(&key);
        hub.metrics.forget(&key.to_string());
        return Ok(Outcome::Done);
    };
    if virtual_mesh.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Done);
    }
    let never_had_policy = || membership::check_never_had_policy(&virtual_mesh, hub.has_past(&key));
    let policy = match hub.policy(&key).and_then(|found| match found {
        Some(policy) => Ok(Some(policy)),
        None => never_had_policy().map(|()| None),
    }) {
        Ok(Some(policy)) => policy,
        Ok(None) => return make_policy(&hub, &key).await,
        Err(refusal) => {
            return report(&hub, &virtual_mesh, None, &Findings::refused(refusal)).await;
        }
    };
    let (findings, again) = match membership::validate(&virtual_mesh) {
        Err(refusal) => (Findings::refused(refusal), None),
        Ok(()) => gather(&hub, &virtual_mesh, &policy).await?,
    };
    let outcome = report(&hub, &virtual_mesh, Some(&policy), &findings).await?;
    Ok(match again.map(rotation::until) {
        Some(sooner) if sooner < AGAIN => Outcome::RequeueAfter(sooner),
        _ => outcome,
    })
}

async fn gather(
    hub: &Hub,
    virtual_mesh: &VirtualMesh,
    policy: &TrustPolicy,
) -> Result<(Findings, Option<Timestamp>), HubError> {
    let looked = match rotation::advance(hub, virtual_mesh, policy).await {
        Ok(looked) => looked,
        Err(HubError::Refused(refusal)) => return Ok((Findings::without_root(refusal), None)),
        Err(error) => return Err(error),
    };
    let Looked { roots, mode, again } = looked;
    root_changed(hub, virtual_mesh, &roots);
    let key = Key::of(virtual_mesh);
    let membership = hub.membership();
    let fault = |mesh: &Key| {
        membership::check_member(mesh, &key, &membership, hub.mesh(mesh).is_some()).err()
    };
    let members: Vec<Member> = membership::members(virtual_mesh)
        .map(|mesh| {
            let fault = fault(&mesh).or_else(|| hub.crowded.refusal(&mesh));
            member(hub, &mesh, &key.name, fault)
        })
        .collect();
    let progress = progress::sum(&members);
    hub.metrics.members(&key.to_string(), &progress);
    let fault = membership::members(virtual_mesh).find_map(|mesh| fault(&mesh));
    let fault = fault.or_else(|| rules_fault(policy));
    let now = clock::now();
    let mut shown = statuses(&roots, &mode, now);
    let exposed = revocation::show(hub, (virtual_mesh, policy), &roots, &mode, &mut shown).await?;
    hub.metrics.roots(&key.to_string(), &shown);
    let signs = match &mode {
        Mode::Steady => roots.all().next().map(|(_, root)| root),
        Mode::Planned(rotation) => roots.get(rotation.goal().number),
    };
    if let Some(root) = signs {
        let (first, lifetime) = (root.issuer.first_to_end(), super::lifetime(policy));
        hub.metrics.signing(&key.to_string(), first, lifetime);
    }
    let ending = signs
        .and_then(|root| trust::ending(root.issuer.first_to_end(), super::lifetime(policy), now));
    let findings = Findings::of_members(progress, shown, fault);
    Ok((findings.with_root_end(ending).with_exposed(exposed), again))
}

/// What is wrong with the policy's rules: people are asked until it is put right.
fn rules_fault(policy: &TrustPolicy) -> Option<Refusal> {
    let faults = Rules::compile(&policy.spec.approval.rules).err()?;
    let message = format!(
        "TrustPolicy {}: {}; people are asked until it is put right: meshroot policy test -f FILE",
        Key::of(policy),
        faults.first()?.brief()
    );
    Some(Refusal::new(Reason::SpecInvalid, message))
}

/// The roots, the signing one first.
fn statuses(roots: &Roots, mode: &Mode, now: Timestamp) -> Vec<RootStatus> {
    let rotation = match mode {
        Mode::Steady => {
            let first = roots.all().next().map(|(_, root)| root.trust.statuses());
            return first.unwrap_or_default();
        }
        Mode::Planned(rotation) => rotation,
    };
    let signs = rotation.goal().number;
    let mut shown: Vec<(u32, RootStatus)> = Vec::new();
    for (number, root) in roots.all() {
        for mut status in root.trust.statuses() {
            if status.fingerprint == root.issuer.root().fingerprint().to_string() {
                status.number = Some(number);
                status.replaces = roots.further(number).map(|further| further.replaces);
                status.cross_signed = roots.further(number).is_some_and(Further::is_cross_signed);
                status.phase = match number {
                    _ if number == signs => RootPhase::Signing,
                    _ if rotation.is_in_use(number) => RootPhase::Retiring,
                    _ if number > rotation.latest() => RootPhase::Prepared,
                    _ => RootPhase::Removed,
                };
            }
            let is_known = shown.iter().any(|(_, one)| one.fingerprint == status.fingerprint);
            let has_ended = status.not_after.as_ref().is_some_and(|end| end.0 < now);
            if !is_known && (!has_ended || number == signs) {
                shown.push((number, status));
            }
        }
    }
    shown.sort_by_key(|(number, status)| (status.phase != RootPhase::Signing, *number));
    shown.into_iter().map(|(_, status)| status).collect()
}

/// A signing certificate that was replaced in its Secret makes every member's certificate one to renew; a root that was
/// added is one that every member is to trust.
fn root_changed(hub: &Hub, virtual_mesh: &VirtualMesh, roots: &Roots) {
    let texts: Vec<String> = roots
        .all()
        .flat_map(|(_, root)| {
            [root.issuer.certificate().fingerprint().to_string(), root.trust.to_bundle()]
        })
        .collect();
    let version = Fingerprint::of(texts.join(" ").as_bytes()).to_string();
    if hub.generations.is_new("Root", &Key::of(virtual_mesh), Some(version)) {
        membership::members(virtual_mesh).for_each(|mesh| hub.member_queue.add(mesh));
    }
}

fn member(hub: &Hub, mesh: &Key, virtual_mesh: &str, fault: Option<Refusal>) -> Member {
    if let Some(Err(refusal)) = hub.mesh(mesh).map(|object| identity::cert_config(&object)) {
        return Member::blank(mesh, Some(refusal.into()));
    }
    let Some(trust) = hub.trust(mesh) else {
        return Member::blank(mesh, fault.map(Notice::from));
    };
    let current = trust::request_of(Some(&trust), mesh, virtual_mesh);
    let request = hub.request(&mesh.namespace, &current.to_string());
    let next = hub.request(&mesh.namespace, &current.next().to_string());
    let answered = request.as_ref().is_some_and(|request| request.is_answered());
    let open = next.or(request).filter(|request| !request.is_answered());
    let view = View {
        current: &current,
        answered,
        recorded: recorded(hub, &mesh.namespace, &current.to_string()),
        fault,
        open: open.and_then(|request| request::notice(hub, &request)),
        reported: &trust.status.clone().unwrap_or_default(),
    };
    Member::new(mesh, &view, clock::now())
}

/// When the certificate of a request was recorded: right before it was signed.
fn recorded(hub: &Hub, namespace: &str, request: &str) -> Option<Timestamp> {
    let record = hub.records.object(Some(namespace), request)?;
    record.spec.prepared.as_ref()?;
    record.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

async fn make_policy(hub: &Hub, key: &Key) -> Result<Outcome, HubError> {
    hub.fence()?;
    let spec = TrustPolicySpec {
        virtual_mesh_ref: ResourceRef::new(&key.name, &key.namespace),
        ..Default::default()
    };
    let mut policy = TrustPolicy::new(&key.name, spec);
    policy.metadata = ObjectMeta {
        name: Some(key.name.clone()),
        namespace: Some(key.namespace.clone()),
        labels: Some(names::labels()),
        ..ObjectMeta::default()
    };
    create_if_absent(&Api::namespaced(hub.client.clone(), &key.namespace), &policy).await?;
    // The watch brings the policy and with it the virtual mesh again.
    Ok(Outcome::RequeueAfter(Duration::from_secs(5)))
}

async fn report(
    hub: &Hub,
    virtual_mesh: &VirtualMesh,
    policy: Option<&TrustPolicy>,
    findings: &Findings,
) -> Result<Outcome, HubError> {
    hub.metrics.ready(&Key::of(virtual_mesh).to_string(), findings.is_ready());
    if let Some(policy) = policy {
        if let Some(ends) = findings.news_of_root_end(policy) {
            hub.report(virtual_mesh, ends, "Reconcile").await;
        }
        write_policy_status(hub, policy, findings).await?;
    }
    if findings.are_news(virtual_mesh, policy) {
        hub.report(virtual_mesh, &findings.certificates, "Reconcile").await;
    }
    write_virtual_mesh_status(hub, virtual_mesh, findings).await?;
    Ok(Outcome::RequeueAfter(AGAIN))
}

async fn write_virtual_mesh_status(
    hub: &Hub,
    virtual_mesh: &VirtualMesh,
    findings: &Findings,
) -> Result<(), HubError> {
    let status = Some(findings.virtual_mesh_status());
    if virtual_mesh.status == status {
        return Ok(());
    }
    hub.fence()?;
    let next = VirtualMesh { status, ..virtual_mesh.clone() };
    replace_status(&api(hub, virtual_mesh), &next).await?;
    Ok(())
}

async fn write_policy_status(
    hub: &Hub,
    policy: &TrustPolicy,
    findings: &Findings,
) -> Result<(), HubError> {
    let status = Some(findings.policy_status(policy, &wire_time(clock::now())));
    if policy.status == status {
        return Ok(());
    }
    hub.fence()?;
    let next = TrustPolicy { status, ..policy.clone() };
    replace_status(&api(hub, policy), &next).await?;
    Ok(())
}

fn api<K>(hub: &Hub, object: &K) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    Api::namespaced(hub.client.clone(), object.meta().namespace.as_deref().unwrap_or_default())
}
