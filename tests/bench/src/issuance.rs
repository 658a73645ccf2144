//! The hub alone: first certificates, and renewals; the benchmark plays the agents.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Result, ensure};
use kube::api::{DynamicObject, PostParams};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::wait;
use serde_json::json;

use crate::account::{Cost, Reading};
use crate::certificate_request;
use crate::clusters::Scene;
use crate::objects::{self, Member, POLICY, REQUEST, VIRTUAL_MESH, is_answered, request_spec};
use crate::requests::{LIMIT, Requests};

/// Name of the virtual mesh of this part.
pub(crate) const NAME: &str = "bench";

/// What a phase came to.
pub(crate) struct Phase {
    pub(crate) per_second: f64,
    /// From an agent's write to the answer that it sees, in milliseconds: median and 99th percentile.
    pub(crate) latency: [f64; 2],
    pub(crate) cost: Cost,
}

/// The virtual mesh is made; ends when each member has a request that waits for its agent.
pub(crate) async fn ask(
    scene: &Scene,
    requests: &Requests,
    members: &[Member],
) -> Result<(f64, Cost)> {
    let parameters = PostParams::default();
    POLICY.api(&scene.admin, SYSTEM_NAMESPACE).create(&parameters, &objects::policy(NAME)).await?;
    let processes = scene.processes().await?;
    let before = Reading::take(&scene.admin, &processes).await?;
    let started = Instant::now();
    let virtual_mesh = objects::virtual_mesh(NAME, members);
    VIRTUAL_MESH.api(&scene.admin, SYSTEM_NAMESPACE).create(&parameters, &virtual_mesh).await?;
    let waiting = |object: &DynamicObject| {
        let status = &object.data["status"]["computedStatus"]["message"];
        status.as_str().is_some_and(|message| message.starts_with("WaitingForAgent"))
    };
    requests.until("each member has a request", members.len(), |_| true).await?;
    let per_second = crate::baseline::per_second(members.len(), started);
    // Whom a request waits for is said after a while: not meanwhile, or it would meet the agents' answers.
    requests.until("each request says whom it waits for", members.len(), waiting).await?;
    let after = Reading::take(&scene.admin, &processes).await?;
    Ok((per_second, before.until(&after)))
}

/// Every agent answers its requests.
pub(crate) async fn first(scene: &Scene, requests: &Requests, members: &[Member]) -> Result<Phase> {
    let csrs = certificate_request::many(members.len())?;
    let open = requests.until("all requests", members.len(), |object| !is_answered(object)).await?;
    let items = open.into_iter().zip(csrs).map(|(mut request, csr)| {
        request.data["spec"]["csrData"] = json!(csr);
        request.metadata.managed_fields = None;
        if let Some(body) = request.data.as_object_mut() {
            body.remove("status");
        }
        (request.metadata.namespace.clone().unwrap_or_default(), request)
    });
    measure(scene, requests, items.collect(), 1).await
}

/// Every agent makes the request of the next generation.
pub(crate) async fn renewals(
    scene: &Scene,
    requests: &Requests,
    members: &[Member],
) -> Result<Phase> {
    let csrs = certificate_request::many(members.len())?;
    let items = members.iter().zip(csrs).map(|(member, csr)| {
        let spec = request_spec(NAME, &member.identity(), Some(&csr));
        let request = REQUEST.object(&member.namespace, &member.request(NAME, 2), &spec);
        (member.namespace.clone(), request)
    });
    measure(scene, requests, items.collect(), 2).await
}

async fn measure(
    scene: &Scene,
    requests: &Requests,
    items: Vec<(String, DynamicObject)>,
    generation: u32,
) -> Result<Phase> {
    let count = items.len();
    let processes = scene.processes().await?;
    let before = Reading::take(&scene.admin, &processes).await?;
    let started = Instant::now();
    let submitted: HashMap<String, Instant> =
        scene.spread(items, submit).await?.into_iter().collect();
    let ending = format!(".{NAME}.{generation}");
    let ours = |name: &str| name.ends_with(&ending);
    let answered = |object: &DynamicObject| {
        ours(object.metadata.name.as_deref().unwrap_or_default()) && is_answered(object)
    };
    requests.until("all are answered", count, answered).await?;
    let answered = requests.answered();
    let last =
        answered.iter().filter(|(name, _)| ours(name)).map(|(_, at)| *at).max().unwrap_or(started);
    settle(scene, count, generation).await?;
    let after = Reading::take(&scene.admin, &processes).await?;
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let per_second = count as f64 / last.duration_since(started).as_secs_f64();
    Ok(Phase { per_second, latency: latency(&submitted, &answered), cost: before.until(&after) })
}

async fn submit(
    client: kube::Client,
    namespace: String,
    request: DynamicObject,
) -> Result<(String, Instant)> {
    let name = request.metadata.name.clone().unwrap_or_default();
    let (api, parameters) = (REQUEST.api(&client, &namespace), PostParams::default());
    let started = Instant::now();
    match request.metadata.resource_version {
        Some(_) => api.replace(&name, &parameters, &request).await?,
        None => api.create(&parameters, &request).await?,
    };
    Ok((name, started))
}

/// The sums and the MeshTrusts follow within a second; they belong to the cost.
async fn settle(scene: &Scene, count: usize, generation: u32) -> Result<()> {
    let policies = POLICY.api(&scene.admin, SYSTEM_NAMESPACE);
    let trusts = objects::TRUST;
    let attempt = async || {
        let policy = policies.get(NAME).await?;
        ensure!(policy.data["status"]["issued"] == count, "issued: {}", policy.data["status"]);
        let mut current = 0;
        for (namespace, client) in &scene.agents {
            let all = trusts.api(client, namespace).list(&kube::api::ListParams::default()).await?;
            let ending = format!(".{generation}");
            let newest = |trust: &&DynamicObject| {
                trust.data["spec"]["request"].as_str().is_some_and(|name| name.ends_with(&ending))
            };
            current += all.items.iter().filter(newest).count();
        }
        ensure!(current == count, "{current} of {count} MeshTrusts name generation {generation}");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Ok(())
    };
    wait::until("TrustPolicy and MeshTrusts follow", LIMIT, attempt).await
}

fn latency(submitted: &HashMap<String, Instant>, answered: &HashMap<String, Instant>) -> [f64; 2] {
    let took = submitted
        .iter()
        .filter_map(|(name, at)| Some(answered.get(name)?.duration_since(*at).as_secs_f64()));
    let mut all: Vec<f64> = took.map(|seconds| seconds * 1000.0).collect();
    all.sort_by(f64::total_cmp);
    let at =
        |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1))).copied();
    [50, 99].map(|share| at(share).unwrap_or(f64::NAN))
}
