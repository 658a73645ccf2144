//! A cluster that does what harm it can within its rights and limits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::{UNDER_WAY, VIRTUAL, count, members};
use crate::certificate_request;
use crate::connection::{Call, Connection, Endpoint};
use crate::hub_embedded::scene::Scene;
use crate::objects::{MESH, Member, REQUEST, request_spec};

/// Its limits, as `meshroot cluster join` sets them.
const MESHES: usize = 100;
const REQUESTS: usize = 400;
/// Meshes that somebody has taken into the measured virtual mesh: the hub makes a request for each.
const TAKEN: usize = 20;
/// Connections that change meshes, and as many that make and delete requests.
const WRITERS: usize = 4;

pub(super) struct Hostile {
    endpoint: Endpoint,
    /// Those in the virtual mesh.
    pub(super) members: Vec<Member>,
    all: Vec<Member>,
}

/// What it does, until it is told to end.
pub(super) struct Attack {
    told: Arc<Told>,
    running: JoinSet<()>,
}

#[derive(Default)]
struct Told {
    stop: AtomicBool,
    taken: AtomicU64,
    refused: AtomicU64,
    /// What the first refusal said.
    why: Mutex<Option<String>>,
}

impl Hostile {
    /// As many Meshes as it may have, as large as it may write them.
    pub(super) async fn fill(scene: &Scene) -> Result<Self> {
        let (namespace, endpoint) = &scene.agents[1];
        let all = members(scene, 1, MESHES);
        let mut agent = endpoint.connect().await?;
        for member in &all {
            let mut mesh = serde_json::to_value(member.mesh())?;
            mesh["metadata"]["annotations"] = annotations(0);
            agent.discard(Call::post(MESH.path(namespace), mesh.to_string())).await?;
        }
        let mut one_more = serde_json::to_value(all[0].mesh())?;
        one_more["metadata"]["name"] = "one-more".into();
        let answer = agent.discard(Call::post(MESH.path(namespace), one_more.to_string())).await;
        ensure!(answer.is_err(), "a Mesh beyond the limit was taken");
        let members = all[..TAKEN].to_vec();
        Ok(Self { endpoint: endpoint.clone(), members, all })
    }

    /// As many requests as it may have, but for those that it and the hub go on making: each asks for the identity of another
    /// cluster's mesh, so that it is checked to the end and stays open. What it holds then.
    pub(super) async fn ask(&self, scene: &Scene, victims: &[Member]) -> Result<String> {
        let namespace = &self.all[0].namespace;
        let mut agent = self.endpoint.connect().await?;
        let csrs = certificate_request::many(REQUESTS - 3 * TAKEN)?;
        for (number, csr) in csrs.iter().enumerate() {
            let (own, victim) = (&self.all[number % MESHES], &victims[number % victims.len()]);
            let spec = request_spec(VIRTUAL, &victim.identity(), Some(csr));
            let name = own.request(VIRTUAL, 2 + u32::try_from(number / MESHES)?);
            let body = serde_json::to_vec(&REQUEST.object(namespace, &name, &spec))?;
            agent.discard(Call::post(REQUEST.path(namespace), body)).await?;
        }
        let [meshes, requests] = [MESH.path(namespace), REQUEST.path(namespace)];
        let held = [count(scene, &meshes).await?, count(scene, &requests).await?];
        Ok(format!("{} Meshes and {} requests", held[0], held[1]))
    }

    /// Begins, and is under way.
    pub(super) async fn attack(&self) -> Result<Attack> {
        let told = Arc::<Told>::default();
        let mut running = JoinSet::new();
        for writer in 0..WRITERS {
            let own: Vec<Member> = self.all.iter().skip(writer).step_by(WRITERS).cloned().collect();
            let asked = own[own.len() - 1].clone();
            let agent = self.endpoint.connect().await?;
            running.spawn(change_meshes(agent, own, Arc::clone(&told)));
            let agent = self.endpoint.connect().await?;
            running.spawn(ask_and_forget(agent, asked, Arc::clone(&told)));
        }
        tokio::time::sleep(UNDER_WAY).await;
        Ok(Attack { told, running })
    }
}

impl Attack {
    /// How many writes the server took, and how many it refused.
    pub(super) async fn end(mut self) -> Result<[u64; 2]> {
        self.told.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended?;
        }
        let why = self.told.why.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(why) = why {
            println!("    refused: {why}");
        }
        Ok([&self.told.taken, &self.told.refused].map(|count| count.load(Ordering::Relaxed)))
    }
}

impl Told {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    async fn send(&self, agent: &mut Connection, call: Call) {
        let count = match agent.discard(call).await {
            Ok(_) => &self.taken,
            Err(error) => {
                self.why
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(format!("{error:#}"));
                &self.refused
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

/// About as many and as long as an agent may write.
fn annotations(round: u64) -> Value {
    let text = format!("{round}-{}", "x".repeat(490));
    (0..16)
        .map(|number| (format!("example.com/{number}"), json!(text)))
        .collect::<Map<_, _>>()
        .into()
}

/// Changes one Mesh after the other, its identity too. What is sent is made before: it shares the processors.
async fn change_meshes(mut agent: Connection, meshes: Vec<Member>, told: Arc<Told>) {
    let change = |(round, mesh): (u64, &Member)| {
        let patch = json!({
            "metadata": { "annotations": annotations(round) },
            "spec": { "istio": { "citadelInfo": { "trustDomain": format!("d{round}.example") } } },
        });
        let path = format!("{}/{}", MESH.path(&mesh.namespace), mesh.name);
        Call::merge_patch(path, patch.to_string())
    };
    let twice = meshes.len() * 2 + 1;
    let calls: Vec<Call> = (0..).zip(meshes.iter().cycle()).take(twice).map(change).collect();
    for call in calls.iter().cycle() {
        if !told.goes_on() {
            break;
        }
        told.send(&mut agent, call.clone()).await;
    }
}

/// Makes a request and deletes it, again and again.
async fn ask_and_forget(mut agent: Connection, mesh: Member, told: Arc<Told>) {
    let path = REQUEST.path(&mesh.namespace);
    for generation in 1_000.. {
        if !told.goes_on() {
            break;
        }
        let name = mesh.request(VIRTUAL, generation);
        let request = json!({
            "metadata": { "name": name }, "spec": request_spec(VIRTUAL, &mesh.identity(), None),
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
        });
        told.send(&mut agent, Call::post(path.clone(), request.to_string())).await;
        told.send(&mut agent, Call::delete(format!("{path}/{name}"))).await;
    }
}
