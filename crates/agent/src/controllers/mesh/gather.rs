//! What is known of one mesh: from the local copies at once, from the APIs and the control plane when it is asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Api;
use meshroot_api::names::RequestName;
use meshroot_api::{Mesh, MeshTrust, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::Notice;
use meshroot_core::mesh::{Fact, Facts, KeptKey, View, above, anchors};
use meshroot_core::meshes::ControlPlane;
use meshroot_pki::{Certificate, PrivateKey};

use crate::agent::Agent;
use crate::error::AgentError;
use crate::meshes::{Adapter, Holding};

/// One mesh, with its adapter.
pub(super) struct Gathered<'a> {
    pub(super) adapter: &'a dyn Adapter,
    pub(super) place: ControlPlane,
    pub(super) trust: Arc<MeshTrust>,
    pub(super) holding: Holding,
    pub(super) facts: Facts,
    /// Somebody had changed what was written, and it is written again.
    pub(super) put_back: Option<Notice>,
    mesh: Arc<Mesh>,
    asked: Option<Duration>,
    requests: Vec<Arc<Request>>,
    roots: Vec<Certificate>,
    above: Option<Vec<Certificate>>,
    /// The private halves of the keys in `facts`: no decision sees them.
    keys: HashMap<RequestName, PrivateKey>,
}

impl<'a> Gathered<'a> {
    /// From the local copies. `None` where there is nothing to do for this mesh.
    pub(super) fn begin(agent: &'a Agent, name: &str) -> Option<Self> {
        let (trust, mesh) = (agent.trust(name)?, agent.mesh(name)?);
        let (adapter, place) = agent.adapters.of(&mesh)?;
        Some(Self {
            adapter,
            place,
            trust,
            holding: Holding::nothing(),
            facts: Facts::default(),
            put_back: None,
            asked: agent.asked(name),
            requests: agent.requests_of(name),
            mesh,
            roots: Vec::new(),
            above: None,
            keys: HashMap::new(),
        })
    }

    /// Reads what the control plane takes its CA from.
    pub(super) async fn find(&mut self, now: Timestamp) -> Result<(), AgentError> {
        self.read_trust()?;
        self.holding = self.adapter.find(&self.place, &self.roots, now).await?;
        Ok(())
    }

    /// All that is known by now.
    pub(super) fn view(&self) -> View<'_> {
        View {
            mesh: &self.mesh,
            trust: &self.trust,
            roots: &self.roots,
            above: self.above.as_deref(),
            requests: &self.requests,
            control_plane: &self.place,
            found: &self.holding.found,
            asked: self.asked,
            facts: &self.facts,
        }
    }

    /// Finds out one thing more; `false` where the mesh's MeshTrust is gone.
    pub(super) async fn look(
        &mut self,
        agent: &Agent,
        fact: Fact,
        now: Timestamp,
    ) -> Result<bool, AgentError> {
        match fact {
            Fact::Key(name) => self.read_key(agent, name).await?,
            Fact::Kept => self.facts.kept = Some(agent.keys.requests(&self.place.mesh).await?),
            Fact::Seen => {
                let seen = self.adapter.observe(&self.place, &self.roots, now).await;
                self.facts.seen = Some(seen);
            }
            Fact::Unused => {
                let unused = self.adapter.is_unused(&self.place, &self.holding).await;
                self.facts.unused = Some(unused);
            }
            Fact::FreshTrust => {
                let Some(trust) = fresh_trust(agent, &self.place.mesh).await? else {
                    return Ok(false);
                };
                self.trust = Arc::new(trust);
                self.read_trust()?;
                self.facts.trust_is_fresh = true;
            }
        }
        Ok(true)
    }

    /// Anchors and chain as MeshTrust tells them.
    fn read_trust(&mut self) -> Result<(), AgentError> {
        self.roots = anchors(&self.trust)?;
        self.above = above(&self.trust)?;
        Ok(())
    }

    async fn read_key(&mut self, agent: &Agent, name: RequestName) -> Result<(), AgentError> {
        let kept = agent.keys.find(&name).await?.map(|kept| {
            let public_key = kept.private_key.public_key().clone();
            self.keys.insert(name.clone(), kept.private_key);
            KeptKey { public_key, spec: kept.spec }
        });
        self.facts.keys.insert(name, kept);
        Ok(())
    }

    /// The private key that was read for a request.
    pub(super) fn take_key(&mut self, name: &RequestName) -> Option<PrivateKey> {
        self.keys.remove(name)
    }
}

async fn fresh_trust(agent: &Agent, name: &str) -> Result<Option<MeshTrust>, AgentError> {
    let api: Api<MeshTrust> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    api.get_opt(name).await.map_err(AgentError::read(format!("MeshTrust {name}")))
}
