//! A cluster whose quota on the hub is full: it is told, and nobody else notices.

use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use kube::api::PostParams;
use meshroot_api::security::{CertConfig, VirtualMeshCertificateSigningRequestSpec as RequestSpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{Bytes, Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::{quota, wait};
use serde_json::json;

use crate::common::{self, LIMIT, Scene, create, judge, merge, message_of, until};
use crate::{answer, first, identity, request_for, run};

const RECORDS: &str = "count/issuancerecords.meshroot.dev";
const LEASES: &str = "count/leases.coordination.k8s.io";
const REQUESTS: &str = "count/virtualmeshcertificatesigningrequests.security.zephyr.solo.io";

/// The namespace of a cluster of this name, with a quota that is in force.
async fn limited(scene: &Scene, cluster: &str, resource: &str) -> Result<String> {
    let namespace = format!("meshroot-cluster-{cluster}");
    scene.fleet.read().await.hub.create_namespace(&namespace).await?;
    let hard = json!({
        "metadata": { "name": "meshroot-agent" }, "spec": { "hard": { resource: "0", LEASES: "0" } },
    });
    create(&quotas(scene, &namespace), serde_json::from_value(hard)?).await?;
    quota::count(&scene.hub, &namespace, "meshroot-agent").await?;
    until_seen(scene, &namespace).await?;
    Ok(namespace)
}

/// kube-apiserver follows quotas by a watch: only a refusal shows that it has seen one.
async fn until_seen(scene: &Scene, namespace: &str) -> Result<()> {
    let leases: Api<Lease> = Api::namespaced(scene.hub.clone(), namespace);
    let lease: Lease = serde_json::from_value(json!({ "metadata": { "name": "dry" } }))?;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let refused = async || {
        ensure!(leases.create(&dry, &lease).await.is_err(), "there is room");
        Ok(())
    };
    wait::until("the quota is in force", LIMIT, refused).await
}

fn quotas(scene: &Scene, namespace: &str) -> Api<ResourceQuota> {
    Api::namespaced(scene.hub.clone(), namespace)
}

async fn raise(scene: &Scene, namespace: &str, resource: &str) -> Result<()> {
    let more = json!({ "spec": { "hard": { resource: "5" } } });
    merge(&quotas(scene, namespace), "meshroot-agent", &more).await?;
    quota::count(&scene.hub, namespace, "meshroot-agent").await
}

/// A mesh in that namespace, as [`Scene::make_mesh`] makes one.
async fn mesh(scene: &Scene, namespace: &str, name: &str) -> Result<()> {
    let spec = json!({ "istio": {
        "installation": { "installationNamespace": name },
        "citadelInfo": { "trustDomain": format!("{name}.example") },
    } });
    let api: Api<Mesh> = Api::namespaced(scene.hub.clone(), namespace);
    create(&api, Mesh::new(name, serde_json::from_value(spec)?)).await.map(drop)
}

async fn virtual_mesh(scene: &Scene, namespace: &str, name: &str) -> Result<()> {
    let member = ResourceRef::new(name, namespace);
    scene.make_virtual_mesh(name, |spec, _| spec.meshes = vec![member]).await
}

#[test]
fn a_request_whose_record_the_quota_refuses_says_so_and_is_issued_once_there_is_room() {
    run(async |scene| {
        let name = "quota-record";
        let namespace = limited(scene, name, RECORDS).await?;
        mesh(scene, &namespace, name).await?;
        let spec = RequestSpec {
            csr_data: Bytes::from(request_for(&[&identity(name)])?),
            cert_config: CertConfig {
                hosts: vec![identity(name)],
                org: "Istio".into(),
                ..Default::default()
            },
            virtual_mesh_ref: ResourceRef::new(name, SYSTEM_NAMESPACE),
        };
        let requests: Api<Request> = Api::namespaced(scene.hub.clone(), &namespace);
        create(&requests, Request::new(&first(name), spec)).await?;
        virtual_mesh(scene, &namespace, name).await?;
        let says = |request: &Request| message_of(request).starts_with("QuotaFull: ");
        let refused = until("it says so", &requests, &first(name), says).await?;
        let message = message_of(&refused);
        for part in ["exceeded quota: meshroot-agent", RECORDS, "raise spec.hard", &namespace] {
            ensure!(message.contains(part), "{part}: {message}");
        }
        raise(scene, &namespace, RECORDS).await?;
        common::until_within(
            "it is issued",
            &requests,
            &first(name),
            2 * LIMIT,
            Request::is_answered,
        )
        .await
        .map(drop)
    });
}

#[test]
fn a_first_request_that_the_quota_refuses_is_told_and_others_are_issued() {
    run(async |scene| {
        let (full, other) = ("quota-request", "quota-bystander");
        let namespace = limited(scene, full, REQUESTS).await?;
        mesh(scene, &namespace, full).await?;
        virtual_mesh(scene, &namespace, full).await?;
        let logged = async || {
            let fleet = scene.fleet.read().await;
            let logs =
                fleet.hub_process.as_ref().map(meshroot_testkit::Binary::logs).unwrap_or_default();
            let lines = logs.lines().filter(|line| line.contains("exceeded quota: meshroot-agent"));
            let said = lines.filter(|line| line.contains("raise spec.hard")).count();
            ensure!(said > 0, "the hub has not said it yet");
            Ok(())
        };
        wait::until("the hub says why", LIMIT, logged).await?;
        let (state, message) = scene.virtual_mesh_says(full, "QuotaFull").await?;
        let names_it = message.contains(&namespace) && message.contains("raise spec.hard");
        ensure!(names_it && !message.contains("delete"), "{state:?}: {message}");
        scene.make_both(other, |_, _| ()).await?;
        answer(scene, other).await?;
        judge::issued_once(scene, &first(other)).await?;
        raise(scene, &namespace, REQUESTS).await?;
        let requests: Api<Request> = Api::namespaced(scene.hub.clone(), &namespace);
        common::until_within("it is made", &requests, &first(full), 2 * LIMIT, |_| true).await?;
        scene.virtual_mesh_says(full, "Issuing").await.map(drop)
    });
}
