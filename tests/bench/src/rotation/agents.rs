//! Agents of all clusters: they answer requests, and say that what is told is loaded, at once.

use std::collections::HashMap;

use anyhow::Result;
use futures::{StreamExt as _, stream};
use kube::Client;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::runtime::watcher::{self, Event};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::certificate_request;
use crate::clusters::Scene;
use crate::objects::{REQUEST, TRUST, is_answered};

/// How long workloads' certificates live: what takes something away waits twice as long.
const LEAF_SECONDS: u32 = 5;

pub(super) struct Agents {
    _running: JoinSet<()>,
}

impl Agents {
    /// One for each cluster, with keys for so many requests.
    pub(super) fn follow(scene: &Scene, requests: usize) -> Result<Self> {
        let mut running = JoinSet::new();
        for (namespace, client) in &scene.agents {
            let agent = Agent {
                client: client.clone(),
                namespace: namespace.clone(),
                keys: certificate_request::many(requests.div_ceil(scene.agents.len()))?,
                requests: HashMap::new(),
                trusts: HashMap::new(),
                said: HashMap::new(),
            };
            running.spawn(async move {
                if let Err(error) = agent.run().await {
                    println!("    an agent of the benchmark ended: {error:?}");
                }
            });
        }
        Ok(Self { _running: running })
    }
}

struct Agent {
    client: Client,
    namespace: String,
    keys: Vec<String>,
    /// As the watch brought them, by name.
    requests: HashMap<String, DynamicObject>,
    trusts: HashMap<String, DynamicObject>,
    /// The generation of each MeshTrust that was said to be loaded.
    said: HashMap<String, i64>,
}

enum Seen {
    Request(DynamicObject),
    Trust(DynamicObject),
}

impl Agent {
    async fn run(mut self) -> Result<()> {
        let watch = |api| watcher::watcher(api, watcher::Config::default()).boxed();
        let requests = watch(REQUEST.api(&self.client, &self.namespace));
        let trusts = watch(TRUST.api(&self.client, &self.namespace));
        let mut events = stream::select(
            requests.map(|event| event.map(|event| newest(event, Seen::Request))),
            trusts.map(|event| event.map(|event| newest(event, Seen::Trust))),
        );
        while let Some(seen) = events.next().await {
            match seen? {
                Some(Seen::Request(request)) => self.asked(request).await?,
                Some(Seen::Trust(trust)) => {
                    let name = trust.metadata.name.clone().unwrap_or_default();
                    self.trusts.insert(name.clone(), trust);
                    self.load(&name).await?;
                }
                None => {}
            }
        }
        Ok(())
    }

    async fn asked(&mut self, request: DynamicObject) -> Result<()> {
        let name = request.metadata.name.clone().unwrap_or_default();
        let is_new = !self.requests.contains_key(&name);
        let (is_answered, is_empty) =
            (is_answered(&request), request.data["spec"]["csrData"].is_null());
        self.requests.insert(name.clone(), request);
        if is_answered {
            let mesh = name.split('.').next().unwrap_or_default();
            return self.load(mesh).await;
        }
        if is_new
            && is_empty
            && let Some(csr) = self.keys.pop()
        {
            let patch = json!({ "spec": { "csrData": csr } });
            let api = REQUEST.api(&self.client, &self.namespace);
            api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        }
        Ok(())
    }

    /// Says that what a MeshTrust tells is loaded, once there is the certificate that it names.
    async fn load(&mut self, mesh: &str) -> Result<()> {
        let Some(trust) = self.trusts.get(mesh) else { return Ok(()) };
        let (generation, spec) = (trust.metadata.generation, &trust.data["spec"]);
        let request = spec["request"].as_str().unwrap_or_default();
        let is_there = self.requests.get(request).is_some_and(is_answered)
            && spec["trustAnchors"].as_str().is_some_and(|anchors| !anchors.is_empty());
        if !is_there || self.said.get(mesh).copied() == generation {
            return Ok(());
        }
        let status = loaded(request, generation);
        let api = TRUST.api(&self.client, &self.namespace);
        api.patch_status(mesh, &PatchParams::default(), &Patch::Merge(status)).await?;
        self.said.extend(generation.map(|generation| (mesh.to_owned(), generation)));
        Ok(())
    }
}

fn newest(event: Event<DynamicObject>, seen: fn(DynamicObject) -> Seen) -> Option<Seen> {
    match event {
        Event::InitApply(object) | Event::Apply(object) => Some(seen(object)),
        _ => None,
    }
}

fn loaded(request: &str, generation: Option<i64>) -> Value {
    json!({ "status": {
        "pickup": "Confirmed", "installed": request, "anchorsLive": true, "observedGeneration": generation,
        "loaded": {
            "request": request, "fingerprint": "", "serial": "", "leafLifetimeSeconds": LEAF_SECONDS,
        },
    } })
}
