//! A ledger that somebody cut while no hub looked, and one that another hub wrote to.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use meshroot_api::names;
use meshroot_api::record::{IssuanceRecordSpec, RecordedRequest};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{Bytes, IssuanceRecord, Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::ledger;
use meshroot_pki::{CertificateRequest, DistinguishedName, Host, KeyKind, PrivateKey};
use meshroot_testkit::Fleet;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::wait;
use rstest::rstest;
use serde_json::{Value, json};

use crate::common::{LIMIT, Scene, all, create, delete, judge, merge, until};
use crate::run;

#[test]
fn a_hub_that_finds_its_newest_record_deleted_says_so_and_uses_no_number_again() {
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        let member = Member::prepare(scene, &fleet, "cut").await?;
        member.issue(scene, &fleet, 1).await?;
        let gone = member.renew(scene, &fleet, 2).await?;

        fleet.hub_process.take().context("the hub runs")?.kill_hard();
        delete(&member.records(scene), &member.request(2)).await?;
        scene.free_lease(SYSTEM_NAMESPACE, "meshroot-hub").await?;
        fleet.start_hub(&[]).await?;

        let next = member.renew(scene, &fleet, 3).await?;
        follows(&next, &gone)?;
        says_that_it_was_cut(&fleet)?;
        let audit = format!("{:#}", audited(&fleet, &member.namespace()).unwrap_err());
        ensure!(audit.contains("error: 1 fault among 2 records in 1 ledger"), "{audit}");
        delete(&scene.virtual_meshes(), member.0).await
    });
}

/// A hub that has lost its Lease may write once more, as late as it likes.
#[test]
fn a_number_that_another_hub_has_claimed_meanwhile_is_not_used_again() {
    run(async |scene| {
        let fleet = scene.fleet.write().await;
        let member = Member::prepare(scene, &fleet, "claimed").await?;
        let first = member.issue(scene, &fleet, 1).await?;
        let others = IssuanceRecordSpec {
            request: RecordedRequest { name: "of-another-hub".into(), uid: "0".into() },
            sequence: first.sequence + 1,
            previous_sha256: ledger::digest(&first).to_string(),
            ..first
        };
        let claims: Api<ConfigMap> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
        let claim = json!({ "data": { "entry": serde_json::to_string(&others)? } });
        merge(&claims, &names::ledger_claim(&member.namespace()), &claim).await?;

        let next = member.renew(scene, &fleet, 2).await?;
        follows(&next, &others)?;
        says_that_it_was_cut(&fleet)?;
        delete(&scene.virtual_meshes(), member.0).await
    });
}

#[test]
fn a_ledger_whose_claim_was_spoiled_is_named_by_the_request_and_goes_on_when_that_is_gone() {
    run(async |scene| {
        let fleet = scene.fleet.write().await;
        let member = Member::prepare(scene, &fleet, "spoiled").await?;
        let first = member.issue(scene, &fleet, 1).await?;
        let claims: Api<ConfigMap> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
        let claim = names::ledger_claim(&member.namespace());
        merge(&claims, &claim, &json!({ "data": { "entry": "spoiled" } })).await?;
        fleet.meshroot(&["--context", "hub", "renew", member.0])?;
        member.submit(scene, &fleet, 2).await?;
        let says = |request: &Request| {
            let status = request.status_or_default().computed_status;
            status.message.starts_with("LedgerUnavailable: ") && status.message.contains(&claim)
        };
        until("the request says so", &member.requests(scene), &member.request(2), says).await?;
        delete(&claims, &claim).await?;
        follows(&member.answered(scene, 2).await?, &first)?;
        delete(&scene.virtual_meshes(), member.0).await
    });
}

/// After its claim on the ledger, and between two certificates.
#[rstest]
#[case("revoked-claim", "hub-after-claim:2")]
#[case("revoked-one", "hub-after-revocation")]
fn a_hub_that_crashes_while_it_revokes_revokes_each_certificate_once(
    #[case] name: &'static str,
    #[case] point: &str,
) {
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        let member = Member::prepare(scene, &fleet, name).await?;
        let first = member.issue(scene, &fleet, 1).await?;
        let second = member.renew(scene, &fleet, 2).await?;
        scene.start_hub(&mut fleet, Some(point)).await?;
        fleet.meshroot(&["--context", "hub", "renew", name, "--reason", "compromise"])?;
        member.submit(scene, &fleet, 3).await?;
        scene.hub_crashes_at(&mut fleet, point).await?;
        let records: Api<IssuanceRecord> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
        for revoked in [&second, &first] {
            let prepared = revoked.prepared.as_ref().context("it was issued")?;
            let record = names::revocation(name, &prepared.serial);
            let record = until("it is revoked", &records, &record, |_| true).await?;
            ensure!(record.spec.prepared.as_ref() == Some(prepared), "{:?}", record.spec.prepared);
        }
        judge::is_a_chain(&records, SYSTEM_NAMESPACE).await?;
        let mut revoked = all(&records).await?;
        revoked.retain(|record| record.spec.virtual_mesh_ref.name == name);
        ensure!(revoked.len() == 2, "{} were revoked", revoked.len());
        for namespace in [member.namespace(), SYSTEM_NAMESPACE.to_owned()] {
            audited(&fleet, &namespace)?;
        }
        delete(&scene.virtual_meshes(), name).await
    });
}

fn audited(fleet: &Fleet, namespace: &str) -> Result<String> {
    fleet.meshroot(&["--context", "hub", "-n", namespace, "audit", "verify"])
}

fn follows(next: &IssuanceRecordSpec, last: &IssuanceRecordSpec) -> Result<()> {
    ensure!(next.sequence == last.sequence + 1, "number {} is used twice", next.sequence);
    ensure!(next.previous_sha256 == ledger::digest(last).to_string(), "the chain has a gap");
    Ok(())
}

fn says_that_it_was_cut(fleet: &Fleet) -> Result<()> {
    let log = fleet.hub_process.as_ref().context("the hub runs")?.logs();
    ensure!(log.contains("LedgerCut: the ledger's newest entry was taken away"), "{log}");
    Ok(())
}

/// A mesh and its virtual mesh, of one name, in a cluster of their own, since the ledgers of others stay whole; the
/// tests answer for its agent.
struct Member(&'static str);

impl Member {
    async fn prepare(scene: &Scene, fleet: &Fleet, name: &'static str) -> Result<Self> {
        let member = Self(name);
        let namespace = member.namespace();
        fleet.hub.create_namespace(&namespace).await?;
        let grant = format!("--serviceaccount={namespace}:meshroot-agent");
        fleet.kubectl(
            "hub",
            &[
                "-n",
                &namespace,
                "create",
                "rolebinding",
                "agent",
                "--clusterrole=cluster-admin",
                &grant,
            ],
            None,
        )?;
        let mesh: Mesh = serde_json::from_value(json!({
            "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "Mesh", "metadata": { "name": name },
            "spec": { "istio": {
                "installation": { "installationNamespace": name },
                "citadelInfo": { "trustDomain": format!("{name}.example") },
            } },
        }))?;
        create(&Api::namespaced(scene.hub.clone(), &namespace), mesh).await?;
        scene
            .make_virtual_mesh(name, |spec, _| {
                spec.meshes = vec![ResourceRef::new(name, &namespace)];
            })
            .await?;
        Ok(member)
    }

    async fn renew(&self, scene: &Scene, fleet: &Fleet, number: u32) -> Result<IssuanceRecordSpec> {
        fleet.meshroot(&["--context", "hub", "renew", self.0])?;
        self.issue(scene, fleet, number).await
    }

    /// Answers for the agent, and waits for the certificate.
    async fn issue(&self, scene: &Scene, fleet: &Fleet, number: u32) -> Result<IssuanceRecordSpec> {
        self.submit(scene, fleet, number).await?;
        self.answered(scene, number).await
    }

    async fn answered(&self, scene: &Scene, number: u32) -> Result<IssuanceRecordSpec> {
        let name = self.request(number);
        until("it is answered", &self.requests(scene), &name, Request::is_answered).await?;
        Ok(self.records(scene).get(&name).await?.spec)
    }

    async fn submit(&self, scene: &Scene, fleet: &Fleet, number: u32) -> Result<()> {
        let (namespace, name) = (self.namespace(), self.request(number));
        let agent = format!("system:serviceaccount:{namespace}:meshroot-agent");
        until("the request is there", &self.requests(scene), &name, |_| true).await?;
        let host: Host = format!("spiffe://{0}.example/ns/{0}/sa/istiod", self.0).parse()?;
        let key = PrivateKey::generate(KeyKind::EcdsaP256)?;
        let csr = CertificateRequest::create(&key, &DistinguishedName::empty(), &[host])?;
        let patch: Value = json!({ "spec": { "csrData": Bytes(csr.to_pem().into_bytes()) } });
        let patch = patch.to_string();
        let place = ["--as", &agent, "-n", &namespace, "patch", "vmcsr", &name];
        let arguments = [&place[..], &["--type=merge", "-p", &patch]].concat();
        let as_agent = async || fleet.kubectl("hub", &arguments, None);
        wait::until("the agent's CSR is taken", LIMIT, as_agent).await?;
        Ok(())
    }

    fn requests(&self, scene: &Scene) -> Api<Request> {
        Api::namespaced(scene.hub.clone(), &self.namespace())
    }

    fn request(&self, number: u32) -> String {
        format!("{0}.{0}.{number}", self.0)
    }

    fn namespace(&self) -> String {
        names::cluster_namespace(self.0)
    }

    fn records(&self, scene: &Scene) -> Api<IssuanceRecord> {
        Api::namespaced(scene.hub.clone(), &self.namespace())
    }
}
