//! People: they approve, deny and overlook what they are asked, and ask for renewals where that is theirs to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use meshroot_api::names::{ASKED_ANNOTATION, RequestName};
use meshroot_api::security::ApprovalStatus;
use meshroot_api::{RequestApproval, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::CertificateRequest;
use meshroot_testkit::fleet::{cluster_namespace, mesh_name};
use serde_json::json;
use tokio::time::Instant;

use super::now;
use super::plan::CLUSTERS;
use super::random::Random;
use super::wanted::DEMO;
use super::watch::Key;
use super::world::World;

/// How often people look.
const LOOK: Duration = Duration::from_secs(1);
/// Between two commands to renew one mesh.
const AGAIN: Duration = Duration::from_secs(5);
/// Nobody overlooks a request any more when the certificate in use has only so many seconds left.
const URGENT: i64 = 150;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Approve,
    Deny,
    Overlook,
}

/// Works until it is dropped.
pub(crate) async fn work(world: Arc<World>) {
    let mut looks = tokio::time::interval(LOOK);
    let mut renewed = BTreeMap::new();
    loop {
        looks.tick().await;
        for (key, request) in waiting(&world) {
            decide(&world, &key, &request).await;
        }
        for cluster in CLUSTERS {
            renew(&world, cluster, &mut renewed).await;
        }
    }
}

/// Requests that somebody is asked to decide on.
fn waiting(world: &World) -> Vec<(Key, Request)> {
    let is_asked = |request: &Request| {
        let annotations = request.metadata.annotations.as_ref();
        annotations.is_some_and(|all| all.contains_key(ASKED_ANNOTATION))
            && request.approval() == ApprovalStatus::Pending
            && !request.is_answered()
    };
    let seen = world.watcher.seen();
    let asked = seen.requests.iter().filter(|(_, request)| is_asked(request));
    asked.map(|(key, request)| (key.clone(), request.clone())).collect()
}

/// One mind for one name: who overlooked a request does so until it is urgent.
fn answer(seed: u64, name: &str, is_urgent: bool) -> Answer {
    if is_urgent {
        return Answer::Approve;
    }
    match Random::of(seed, name).between(1, 10) {
        1..=5 => Answer::Approve,
        6..=7 => Answer::Deny,
        _ => Answer::Overlook,
    }
}

async fn decide(world: &World, key: &Key, request: &Request) {
    let cluster = CLUSTERS.iter().find(|cluster| cluster_namespace(cluster) == key.0);
    let left = cluster.and_then(|cluster| world.watcher.seen().left(cluster, now()));
    let is_urgent = world.is_quiet() || left.is_some_and(|left| left < URGENT);
    let answer = answer(world.seed, &key.1, is_urgent);
    if answer == Answer::Overlook {
        return;
    }
    let outcome = match answer {
        Answer::Approve => approve(world, key, request).await,
        _ => deny(world, key, request).await,
    };
    match outcome {
        Ok(()) => world.diary.count(&format!("people: {answer:?}")),
        // Somebody was faster (the hub, whoever deleted it): it is looked at again.
        Err(_) => world.diary.count("people: came too late"),
    }
}

/// What is approved is known before it is written: nothing may be signed earlier.
async fn approve(world: &World, key: &Key, request: &Request) -> Result<()> {
    let digest = digest(request)?;
    let is_new = world.watcher.said().approved.insert(digest.clone());
    let by_command = Random::of(world.seed, &key.1).chance(50);
    let outcome = if by_command {
        approve_by_command(world, key).await
    } else {
        patch(world, key, request, ApprovalStatus::Approved).await
    };
    // What was not taken was not said.
    if is_new && outcome.is_err() && !is_approved(world, key).await.unwrap_or(true) {
        world.watcher.said().approved.remove(&digest);
    }
    outcome
}

async fn is_approved(world: &World, (namespace, name): &Key) -> Result<bool> {
    let api: Api<Request> = Api::namespaced(world.hub.clone(), namespace);
    let found = api.get_opt(name).await?;
    let by_status = found.is_some_and(|request| request.approval() == ApprovalStatus::Approved);
    let api: Api<RequestApproval> = Api::namespaced(world.hub.clone(), namespace);
    let approvals = api.list(&ListParams::default()).await?;
    Ok(by_status || approvals.iter().any(|approval| approval.spec.request == *name))
}

/// As people do it: look, and approve what was shown.
async fn approve_by_command(world: &World, (namespace, name): &Key) -> Result<()> {
    let full = format!("{namespace}/{name}");
    let shown = world.meshroot(&["describe", "vmcsr", &full]).await?;
    let digest = shown.split("--sha256").nth(1).and_then(|rest| rest.split_whitespace().next());
    let digest = digest.context("describe shows no --sha256")?;
    let words = ["approve", &full, "--sha256", digest, "--message", "soak"];
    world.meshroot(&words).await.map(drop)
}

async fn deny(world: &World, key: &Key, request: &Request) -> Result<()> {
    patch(world, key, request, ApprovalStatus::Denied).await?;
    // Written: from now on nothing may be signed for it.
    world.watcher.said().denied.insert(digest(request)?);
    Ok(())
}

/// As `docs/approval.md` tells any client: with the resourceVersion that was looked at.
async fn patch(
    world: &World,
    (namespace, name): &Key,
    request: &Request,
    verdict: ApprovalStatus,
) -> Result<()> {
    let api: Api<Request> = Api::namespaced(world.hub.clone(), namespace);
    let patch = json!({
        "metadata": { "resourceVersion": request.metadata.resource_version },
        "status": { "thirdPartyApproval": { "approvalStatus": verdict, "message": "soak" } },
    });
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
    Ok(())
}

fn digest(request: &Request) -> Result<String> {
    Ok(CertificateRequest::parse(&request.spec.csr_data.0)?.fingerprint().to_string())
}

/// After a denial, and for a mesh whose key was lost, nobody but a person asks again.
async fn renew(
    world: &World,
    cluster: &'static str,
    renewed: &mut BTreeMap<&'static str, Instant>,
) {
    let is_due = is_denied(world, cluster) || world.keyless().contains(cluster);
    if !is_due || renewed.get(cluster).is_some_and(|last| last.elapsed() < AGAIN) {
        return;
    }
    renewed.insert(cluster, Instant::now());
    if ask(world, cluster).await {
        world.keyless().remove(cluster);
    }
}

/// `meshroot renew`; whether it was taken. There may be no Mesh and no request just now.
pub(crate) async fn ask(world: &World, cluster: &str) -> bool {
    let mesh = format!("{}/{}", cluster_namespace(cluster), mesh_name(cluster));
    // It may have requests of both virtual meshes: where it is now.
    let current = current(world, cluster).map(|current| current.virtual_mesh);
    let virtual_mesh = current.unwrap_or_else(|| DEMO.to_owned());
    let words = ["renew", &mesh, "--virtual-mesh", &virtual_mesh];
    let is_taken = world.meshroot(&words).await.is_ok();
    world.diary.count(if is_taken { "people: renewal asked" } else { "people: renewal refused" });
    is_taken
}

/// The request that a mesh's MeshTrust names.
fn current(world: &World, cluster: &str) -> Option<RequestName> {
    let seen = world.watcher.seen();
    let trust = seen.trusts.get(&(cluster_namespace(cluster), mesh_name(cluster)))?;
    RequestName::parse(&trust.spec.request)
}

/// Whether the newest request of a mesh, where it is now, was denied.
fn is_denied(world: &World, cluster: &str) -> bool {
    let (namespace, mesh) = (cluster_namespace(cluster), mesh_name(cluster));
    let Some(current) = current(world, cluster) else { return false };
    let seen = world.watcher.seen();
    let own = seen.requests.iter().filter_map(|((place, name), request)| {
        let name = RequestName::parse(name)?;
        let is_own =
            *place == namespace && name.mesh == mesh && name.virtual_mesh == current.virtual_mesh;
        is_own.then_some((name.generation, request))
    });
    let newest = own.max_by_key(|(generation, _)| *generation);
    newest.is_some_and(|(_, request)| request.approval() == ApprovalStatus::Denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_keep_their_mind_until_it_is_urgent() {
        let all: Vec<Answer> =
            (0..50).map(|number| answer(1, &format!("east.demo.{number}"), false)).collect();
        for wanted in [Answer::Approve, Answer::Deny, Answer::Overlook] {
            assert!(all.contains(&wanted), "{wanted:?} never comes");
        }
        assert_eq!(answer(1, "east.demo.7", false), answer(1, "east.demo.7", false));
        assert!((0..50).all(|number| answer(1, &number.to_string(), true) == Answer::Approve));
    }
}
