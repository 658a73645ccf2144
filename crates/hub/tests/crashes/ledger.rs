//! A ledger that somebody cut while no hub looked.

use anyhow::{Context as _, Result, ensure};
use kube::Api;
use meshroot_api::names::LEDGER_ANNOTATION;
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    Bytes, IssuanceRecord, Mesh, MeshTrust, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::ledger;
use meshroot_pki::{CertificateRequest, DistinguishedName, Host, KeyKind, PrivateKey};
use meshroot_testkit::Fleet;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::wait;
use serde_json::{Value, json};

use crate::common::{LIMIT, Scene, create, delete, until};
use crate::run;

/// A cluster of its own, since the ledgers of others stay whole; this test answers for its agent.
const NAMESPACE: &str = "meshroot-cluster-cut";
const AGENT: &str = "system:serviceaccount:meshroot-cluster-cut:meshroot-agent";
const MESH: &str = "cut";

#[test]
fn a_hub_that_finds_its_newest_records_deleted_says_so_and_uses_no_number_again() {
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        prepare(scene, &fleet).await?;
        issue(scene, &fleet, 1).await?;
        fleet.meshroot(&["--context", "hub", "renew", MESH])?;
        issue(scene, &fleet, 2).await?;
        let gone = records(scene).get(&name(2)).await?.spec;
        let end = format!("{} {}", gone.sequence, ledger::digest(&gone));
        let noted = |trust: &MeshTrust| {
            trust.metadata.annotations.as_ref().and_then(|all| all.get(LEDGER_ANNOTATION))
                == Some(&end)
        };
        let trusts: Api<MeshTrust> = Api::namespaced(scene.hub.clone(), NAMESPACE);
        until("the MeshTrust notes where the ledger ends", &trusts, MESH, noted).await?;

        fleet.hub_process.take().context("the hub runs")?.kill_hard();
        delete(&records(scene), &name(2)).await?;
        scene.free_lease(SYSTEM_NAMESPACE, "meshroot-hub").await?;
        fleet.start_hub(&[]).await?;
        fleet.meshroot(&["--context", "hub", "renew", MESH])?;
        issue(scene, &fleet, 3).await?;

        let next = records(scene).get(&name(3)).await?.spec;
        ensure!(next.sequence == gone.sequence + 1, "number {} was used again", next.sequence);
        ensure!(next.previous_sha256 == ledger::digest(&gone).to_string(), "the gap is not named");
        let log = fleet.hub_process.as_ref().context("the hub runs")?.logs();
        ensure!(log.contains("LedgerCut: entries of the ledger were taken away"), "{log}");
        delete(&scene.virtual_meshes(), MESH).await
    });
}

fn name(number: u32) -> String {
    format!("{MESH}.{MESH}.{number}")
}

fn records(scene: &Scene) -> Api<IssuanceRecord> {
    Api::namespaced(scene.hub.clone(), NAMESPACE)
}

async fn prepare(scene: &Scene, fleet: &Fleet) -> Result<()> {
    fleet.hub.create_namespace(NAMESPACE).await?;
    let grant = format!("--serviceaccount={}", AGENT.trim_start_matches("system:serviceaccount:"));
    fleet.kubectl(
        "hub",
        &["-n", NAMESPACE, "create", "rolebinding", "agent", "--clusterrole=cluster-admin", &grant],
        None,
    )?;
    let mesh: Mesh = serde_json::from_value(json!({
        "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "Mesh", "metadata": { "name": MESH },
        "spec": { "istio": {
            "installation": { "installationNamespace": MESH },
            "citadelInfo": { "trustDomain": "cut.example" },
        } },
    }))?;
    create(&Api::namespaced(scene.hub.clone(), NAMESPACE), mesh).await?;
    scene
        .make_virtual_mesh(MESH, |spec, _| spec.meshes = vec![ResourceRef::new(MESH, NAMESPACE)])
        .await
}

/// Answers for the agent, and waits for the certificate.
async fn issue(scene: &Scene, fleet: &Fleet, number: u32) -> Result<()> {
    let requests: Api<Request> = Api::namespaced(scene.hub.clone(), NAMESPACE);
    let name = name(number);
    until("the request is there", &requests, &name, |_| true).await?;
    let host: Host = "spiffe://cut.example/ns/cut/sa/istiod".parse()?;
    let key = PrivateKey::generate(KeyKind::EcdsaP256)?;
    let csr = CertificateRequest::create(&key, &DistinguishedName::empty(), &[host])?;
    let patch: Value = json!({ "spec": { "csrData": Bytes(csr.to_pem().into_bytes()) } });
    let as_agent = async || {
        let patch = patch.to_string();
        fleet.kubectl(
            "hub",
            &[
                "--as",
                AGENT,
                "-n",
                NAMESPACE,
                "patch",
                "vmcsr",
                &name,
                "--type=merge",
                "-p",
                &patch,
            ],
            None,
        )
    };
    wait::until("the agent's CSR is taken", LIMIT, as_agent).await?;
    until(&format!("{name} is answered"), &requests, &name, Request::is_answered).await?;
    Ok(())
}
