//! What the API server itself can do: the writes of a certificate, by the same clients, without a hub.

use std::time::Instant;

use anyhow::Result;
use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::clusters::Scene;
use crate::objects::{RECORD, REQUEST, request_spec};

/// What was measured.
pub(crate) struct Baseline {
    /// Requests whose three writes (csrData, record, response) were made, a second.
    pub(crate) answers: f64,
    /// Writes a second meanwhile.
    pub(crate) writes: f64,
    /// Empty requests created a second.
    pub(crate) creations: f64,
}

const VIRTUAL_MESH: &str = "baseline";

/// Creates requests, then takes each through the states that the agent and the hub would write.
pub(crate) async fn measure(scene: &Scene, csrs: &[String]) -> Result<Baseline> {
    let items: Vec<(String, (usize, String))> = csrs
        .iter()
        .enumerate()
        .map(|(number, csr)| {
            (scene.agents[number % scene.agents.len()].0.clone(), (number, csr.clone()))
        })
        .collect();
    let started = Instant::now();
    let made = scene
        .spread(items, |client, namespace, (number, csr)| async move {
            let made = create(&client, &namespace, number).await?;
            Ok((namespace, (made, csr)))
        })
        .await?;
    let creations = per_second(csrs.len(), started);
    let hub = scene.hub.clone();
    let started = Instant::now();
    scene
        .spread(made, move |client, namespace, (made, csr)| {
            answer(client, hub.clone(), namespace, made, csr)
        })
        .await?;
    let answers = per_second(csrs.len(), started);
    forget(scene).await?;
    Ok(Baseline { answers, writes: answers * 3.0, creations })
}

async fn create(client: &Client, namespace: &str, number: usize) -> Result<DynamicObject> {
    let name = format!("istio-mesh-{number:04}-x.{VIRTUAL_MESH}.1");
    let identity = format!("spiffe://cluster.local/ns/mesh-{number:04}/sa/istiod");
    let request = REQUEST.object(namespace, &name, &request_spec(VIRTUAL_MESH, &identity, None));
    Ok(REQUEST.api(client, namespace).create(&PostParams::default(), &request).await?)
}

async fn answer(
    client: Client,
    hub: Client,
    namespace: String,
    mut request: DynamicObject,
    csr: String,
) -> Result<()> {
    let name = request.metadata.name.clone().unwrap_or_default();
    let parameters = PostParams::default();
    request.metadata.managed_fields = None;
    request.data["spec"]["csrData"] = json!(csr);
    let mut request =
        REQUEST.api(&client, &namespace).replace(&name, &parameters, &request).await?;
    let record = RECORD.object(&namespace, &name, &record(&request));
    RECORD.api(&hub, &namespace).create(&parameters, &record).await?;
    request.metadata.managed_fields = None;
    request.data["status"] = status();
    REQUEST.api(&hub, &namespace).replace_status(&name, &parameters, &request).await?;
    Ok(())
}

/// As long as what the hub writes for a P-256 root.
fn status() -> Value {
    let pem = |length: usize| {
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "A".repeat(length))
    };
    json!({
        "response": { "caCertificate": pem(850), "rootCertificate": pem(700) },
        "thirdPartyApproval": {
            "approvalStatus": "APPROVED", "lastUpdatedTime": "2026-01-01T00:00:00Z",
            "message": "approved by policy: approval mode Automatic",
        },
        "computedStatus": { "state": "ACCEPTED", "message": format!("Issued: serial {}, valid until 2026-04-01T00:00:00Z", "0".repeat(32)) },
    })
}

fn record(request: &DynamicObject) -> Value {
    let digest = "0".repeat(64);
    json!({
        "request": { "name": request.metadata.name, "uid": request.metadata.uid },
        "virtualMeshRef": request.data["spec"]["virtualMeshRef"],
        "csrSha256": digest, "publicKeySha256": digest, "sequence": 1, "previousSha256": digest, "fence": 0,
        "decision": { "verdict": "Approved", "by": "policy", "message": "approval mode Automatic", "time": "2026-01-01T00:00:00Z" },
        "prepared": {
            "serial": "0".repeat(32), "tbsSha256": digest, "issuerSha256": digest, "profileSha256": digest,
            "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-04-01T00:00:00Z",
        },
    })
}

/// The hub that starts next must not find any of it.
async fn forget(scene: &Scene) -> Result<()> {
    for (namespace, _) in &scene.agents {
        for kind in [REQUEST, RECORD] {
            let api: Api<DynamicObject> = kind.api(&scene.admin, namespace);
            api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
pub(crate) fn per_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}
