//! Members as their agents and workloads behave: they ask, load what they are told, and say so; a workload keeps what it
//! has for the lifetime of a leaf. All the time each must verify each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use meshroot_api::names::RequestName;
use meshroot_api::{MeshTrust, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::{Certificate, PathOptions, Purpose, build_path, parse_bundle};
use meshroot_runtime::process::clock;
use serde_json::json;

use crate::common::{HOME, LIMIT, Scene, identity, request_for};

/// How long a workload keeps what it had.
const LEAF: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(40);

/// What a workload has: the intermediate and what is sent above it, and its anchors.
#[derive(Clone, PartialEq)]
struct Has {
    chain: Vec<Certificate>,
    anchors: Vec<Certificate>,
}

#[derive(Default)]
struct Mesh {
    generation: Option<i64>,
    /// The last is what it has by now; those before it until then.
    has: Vec<(Has, Option<Instant>)>,
    /// How often it was told something else.
    pub(crate) loads: usize,
}

/// The members of one virtual mesh.
pub(crate) struct Members<'a> {
    scene: &'a Scene,
    meshes: BTreeMap<String, Mesh>,
    live: bool,
    /// Those that the others went on without.
    left: BTreeSet<String>,
    parted: BTreeSet<String>,
    leaf: Duration,
    /// Whether older workloads may refuse and be refused.
    hurries: bool,
    /// How many pairs of workloads verified each other.
    pub(crate) handshakes: usize,
}

impl<'a> Members<'a> {
    /// `live`: their anchors change while they run.
    pub(crate) fn new(scene: &'a Scene, meshes: &[&str], live: bool) -> Self {
        let meshes = meshes.iter().map(|mesh| ((*mesh).to_owned(), Mesh::default())).collect();
        Self {
            scene,
            meshes,
            live,
            left: BTreeSet::new(),
            parted: BTreeSet::new(),
            leaf: LEAF,
            hurries: false,
            handshakes: 0,
        }
    }

    /// From now on a workload keeps what it had for so long, and only those need verify each other that are new.
    pub(crate) fn hurry(&mut self, leaf: Duration) {
        (self.leaf, self.hurries) = (leaf, true);
    }

    /// Whether some workload refuses some other one, a new one or not.
    pub(crate) fn is_any_refused(&self) -> Result<bool> {
        Ok(self.shaken(false)?.1.is_some())
    }

    pub(crate) fn join(&mut self, mesh: &str) {
        self.meshes.insert(mesh.to_owned(), Mesh::default());
    }

    /// Its cluster is away: it asks for nothing and loads nothing, and its workloads keep what they have.
    pub(crate) fn part(&mut self, mesh: &str) {
        self.parted.insert(mesh.to_owned());
    }

    /// It is excluded: the others need not verify it, nor it them.
    pub(crate) fn leave(&mut self, mesh: &str) {
        self.left.insert(mesh.to_owned());
    }

    /// All must verify each other again.
    pub(crate) fn take_in_all(&mut self) {
        self.left.clear();
    }

    /// How often a member was told something else, at most.
    pub(crate) fn most_loads(&self) -> usize {
        self.meshes.values().map(|mesh| mesh.loads).max().unwrap_or_default()
    }

    /// Lets them live until it is so.
    pub(crate) async fn live_until(
        &mut self,
        what: &str,
        is_so: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let began = Instant::now();
        while !is_so().await? {
            ensure!(
                began.elapsed() < LIMIT,
                "{what}: not within {LIMIT:?}; {}",
                self.told().await?
            );
            self.turn().await?;
            tokio::time::sleep(PAUSE).await;
        }
        self.turn().await
    }

    /// Lets them live for so long.
    pub(crate) async fn live_for(&mut self, long: Duration) -> Result<()> {
        let began = Instant::now();
        self.live_until("a while is over", async || Ok(began.elapsed() > long)).await
    }

    async fn turn(&mut self) -> Result<()> {
        let requests = self.scene.requests().list(&ListParams::default()).await?.items;
        let is_here = |mesh: &&String| !self.parted.contains(*mesh);
        let names: Vec<String> = self.meshes.keys().filter(is_here).cloned().collect();
        for mesh in names {
            for request in requests.iter().filter(|request| is_of(request, &mesh)) {
                if request.spec.csr_data.0.is_empty() {
                    let name = request.metadata.name.clone().unwrap_or_default();
                    let csr = request_for(&[&identity(&mesh)])?;
                    self.scene.submit(&name, csr).await?;
                }
            }
            self.load(&mesh, &requests).await?;
        }
        self.shake_hands()
    }

    /// As an agent does, and a control plane at once after it.
    async fn load(&mut self, name: &str, requests: &[Request]) -> Result<()> {
        let Some(trust) = self.scene.trusts().get_opt(name).await? else { return Ok(()) };
        let Some(mesh) = self.meshes.get_mut(name) else { return Ok(()) };
        if mesh.generation == trust.metadata.generation {
            return Ok(());
        }
        let told =
            requests.iter().find(|one| one.metadata.name.as_ref() == Some(&trust.spec.request));
        let Some(request) = told.filter(|one| one.is_answered()) else { return Ok(()) };
        if trust.spec.trust_anchors.is_empty() {
            return Ok(());
        }
        let response = request.status_or_default().response;
        let mut chain = parse_bundle(&response.ca_certificate.0)?;
        if let Some(above) = &trust.spec.chain_certificates {
            chain.truncate(1);
            if !above.is_empty() {
                chain.extend(parse_bundle(above.as_bytes())?);
            }
        }
        let has = Has { chain, anchors: parse_bundle(trust.spec.trust_anchors.as_bytes())? };
        let now = Instant::now();
        if mesh.has.last().map(|(has, _)| has) != Some(&has) {
            if let Some((_, until)) = mesh.has.last_mut() {
                *until = Some(now + self.leaf);
            }
            mesh.has.push((has, None));
            mesh.loads += 1;
        }
        mesh.generation = trust.metadata.generation;
        let status = json!({ "status": {
            "pickup": "Confirmed", "installed": trust.spec.request, "anchorsLive": self.live,
            "observedGeneration": trust.metadata.generation,
            "loaded": { "request": trust.spec.request, "fingerprint": "", "serial": "", "leafLifetimeSeconds": self.leaf.as_secs() },
        } });
        let api: Api<MeshTrust> = Api::namespaced(self.scene.agent.clone(), HOME);
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await?;
        Ok(())
    }

    /// Every two workloads, of one mesh too, by the strictest validator.
    fn shake_hands(&mut self) -> Result<()> {
        let now = Instant::now();
        for mesh in self.meshes.values_mut() {
            mesh.has.retain(|(_, until)| until.is_none_or(|until| until > now));
        }
        let (handshakes, refused) = self.shaken(self.hurries)?;
        self.handshakes += handshakes;
        refused.map_or(Ok(()), |refused| Err(anyhow::anyhow!(refused)))
    }

    /// How many verify each other, and the first that does not. `new`: those alone that have what was loaded last.
    fn shaken(&self, new: bool) -> Result<(usize, Option<String>)> {
        let (mut handshakes, mut refused) = (0, None);
        let those = |mesh: &Mesh| if new { mesh.has.len().saturating_sub(1) } else { 0 };
        let options = PathOptions::new(clock::now(), Purpose::Any);
        for (of, sends) in &self.meshes {
            for (by, trusts) in &self.meshes {
                if by != of && (self.left.contains(by) || self.left.contains(of)) {
                    continue;
                }
                for (sent, _) in &sends.has[those(sends)..] {
                    for (trusted, _) in &trusts.has[those(trusts)..] {
                        let (leaf, above) = sent.chain.split_first().context("a chain")?;
                        match build_path(leaf, above, &trusted.anchors, &options) {
                            Ok(_) => handshakes += 1,
                            Err(error) => {
                                refused.get_or_insert_with(|| {
                                    format!(
                                        "{by} refuses {of}: {error}; sent {:?}, trusted {:?}",
                                        subjects(&sent.chain),
                                        subjects(&trusted.anchors)
                                    )
                                });
                            }
                        }
                    }
                }
            }
        }
        Ok((handshakes, refused))
    }

    async fn told(&self) -> Result<String> {
        let mut all = Vec::new();
        for mesh in self.meshes.keys() {
            let told = self.scene.trusts().get_opt(mesh).await?.map(|trust| {
                json!({
                    "mesh": mesh, "rotation": trust.spec.rotation, "request": trust.spec.request,
                    "generation": trust.metadata.generation,
                    "seen": trust.status.and_then(|status| status.observed_generation),
                })
            });
            all.push(told.unwrap_or_default().to_string());
        }
        Ok(all.join("\n"))
    }
}

fn is_of(request: &Request, mesh: &str) -> bool {
    let name = request.metadata.name.as_deref().and_then(RequestName::parse);
    name.is_some_and(|name| name.mesh == mesh)
}

fn subjects(certificates: &[Certificate]) -> Vec<String> {
    certificates.iter().map(|one| format!("{} by {}", one.subject(), one.issuer())).collect()
}
