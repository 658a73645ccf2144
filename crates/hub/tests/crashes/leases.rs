//! Two hubs: the lease is stolen from them, and the leader is killed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use meshroot_api::names::HUB_LEASE;
use meshroot_api::shared::ResourceRef;
use meshroot_pki::{CertificateRequest, DistinguishedName, Host, KeyKind, PrivateKey};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::{Fleet, wait};
use serde_json::json;

use crate::common::{HOME, LIMIT, Scene, all, delete, judge, merge};
use crate::run;

const REQUESTS: usize = 36;
const THEFTS: usize = 6;
const VIRTUAL_MESH: &str = "stolen";

#[test]
fn hubs_that_lose_the_lease_again_and_again_issue_each_request_once_in_one_chain_of_records() {
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        // The test itself answers for the agent: so it knows when each request is ready.
        fleet.cluster_mut("east")?.agent = None;
        let second = fleet.another_hub("meshroot-hub-1", &[]).await?;
        let names: Vec<String> = (0..REQUESTS).map(|number| format!("stolen-{number}")).collect();
        for name in &names {
            scene.make_mesh(name).await?;
        }
        let members = names.iter().map(|name| ResourceRef::new(name, HOME)).collect();
        scene.make_virtual_mesh(VIRTUAL_MESH, |spec, _| spec.meshes = members).await?;
        for names in names.chunks(REQUESTS / THEFTS) {
            let submitting = async {
                for name in names {
                    submit(scene, name).await?;
                }
                anyhow::Ok(())
            };
            tokio::try_join!(submitting, steal(scene))?;
        }
        let mut serials = BTreeSet::new();
        for name in &names {
            serials.insert(judge::issued_once(scene, &request(name)).await?.serial().to_string());
        }
        ensure!(serials.len() == REQUESTS, "{} serials for {REQUESTS} requests", serials.len());
        let mut records = all(&scene.records()).await?;
        records.retain(|record| record.spec.virtual_mesh_ref.name == VIRTUAL_MESH);
        ensure!(records.len() == REQUESTS, "{} records for {REQUESTS} requests", records.len());
        let terms: BTreeSet<u64> = records.iter().map(|record| record.spec.fence).collect();
        ensure!(
            terms.len() >= 3,
            "only the terms {terms:?} recorded anything: nothing was put to the test"
        );
        judge::ledger_is_a_chain(scene).await?;
        killed(scene, &mut fleet, second).await?;
        delete(&scene.virtual_meshes(), VIRTUAL_MESH).await?;
        fleet.start_agent("east", &[]).await
    });
}

/// Kills the leader: the other one answers the next request within the lease's duration.
async fn killed(scene: &Scene, fleet: &mut Fleet, second: meshroot_testkit::Binary) -> Result<()> {
    let first = fleet.hub_process.take().context("the first hub runs")?;
    let holder = leader(scene).await?;
    let (leading, other) =
        if holder == "meshroot-hub-0" { (first, second) } else { (second, first) };
    leading.kill_hard();
    let killed = Instant::now();
    scene.make_both("survivor", |_, _| ()).await?;
    submit_as(scene, "survivor", "survivor.survivor.1").await?;
    judge::issued_once(scene, "survivor.survivor.1").await?;
    // The lease runs for 6 s; then the other one has to notice, and to issue.
    ensure!(
        killed.elapsed() < Duration::from_secs(12),
        "it took {:?} until the other hub issued",
        killed.elapsed()
    );
    judge::ledger_is_a_chain(scene).await?;
    delete(&scene.virtual_meshes(), "survivor").await?;
    drop(other);
    fleet.start_hub(&[]).await
}

/// Gives the Lease that a hub holds to a stranger, and then to whoever comes first.
async fn steal(scene: &Scene) -> Result<()> {
    leader(scene).await?;
    let api: Api<Lease> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
    merge(&api, HUB_LEASE, &json!({ "spec": { "holderIdentity": "stranger" } })).await?;
    merge(&api, HUB_LEASE, &json!({ "spec": { "holderIdentity": "" } })).await?;
    Ok(())
}

/// The hub that leads, once one does.
async fn leader(scene: &Scene) -> Result<String> {
    let leads = async || {
        let holder = holder(scene).await?;
        ensure!(holder.starts_with("meshroot-hub-"), "{holder:?} leads");
        Ok(holder)
    };
    wait::until("a hub leads", LIMIT, leads).await
}

async fn holder(scene: &Scene) -> Result<String> {
    let api: Api<Lease> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
    let spec = api.get(HUB_LEASE).await?.spec.context("the Lease says nothing")?;
    Ok(spec.holder_identity.unwrap_or_default())
}

async fn submit(scene: &Scene, mesh: &str) -> Result<()> {
    submit_as(scene, mesh, &request(mesh)).await
}

async fn submit_as(scene: &Scene, mesh: &str, request: &str) -> Result<()> {
    let host: Host = format!("spiffe://{mesh}.example/ns/{mesh}/sa/istiod").parse()?;
    let key = PrivateKey::generate(KeyKind::EcdsaP256)?;
    let csr =
        CertificateRequest::create(&key, &DistinguishedName::new("Istio", "test", mesh)?, &[host])?;
    scene.submit(request, csr.to_pem()).await
}

fn request(mesh: &str) -> String {
    format!("{mesh}.{VIRTUAL_MESH}.1")
}
