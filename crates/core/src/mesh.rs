//! One mesh of a cluster, as its agent sees it: what is to be done for it next.
//!
//! The agent gathers a [`View`], [`plan`] decides, the agent applies. What takes a question to be known, to a control
//! plane or an API, is gathered when a plan turns on it: [`Plan::Look`].

mod delivery;
mod follow_up;
mod found;
mod notices;
mod report;
mod taking;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use meshroot_api::names::RequestName;
use meshroot_api::policy::Restart;
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_api::trust::Pickup;
use meshroot_api::{
    Bytes, Mesh, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_pki::{Certificate, PublicKey};

use crate::meshes::{self, ControlPlane};
use crate::pickup::Seen;
use crate::refusal::Refusal;
use crate::renewal::{self, Cause, Next, Standing};
use delivery::Answer;

pub use delivery::{above, anchors};
pub use found::{Delivery, Found, Installed, LEAF_LIFETIME, Own, Taking};
pub use notices::put_back;
pub use report::Report;

/// All that is known of a mesh.
pub struct View<'a> {
    /// The mesh.
    pub mesh: &'a Mesh,
    /// What it should use, and what was reported of it.
    pub trust: &'a MeshTrust,
    /// The trust anchors of `trust`, read.
    pub roots: &'a [Certificate],
    /// What `trust` tells to send above the intermediate; `None`: what came with the answer.
    pub above: Option<&'a [Certificate]>,
    /// Its requests, in any virtual mesh.
    pub requests: &'a [Arc<Request>],
    /// Where it is.
    pub control_plane: &'a ControlPlane,
    /// What it reads its CA from now.
    pub found: &'a Found,
    /// How long ago this agent last made a request for the mesh; `None` where it has not since it started. Not by the
    /// clock, which may be wrong.
    pub asked: Option<Duration>,
    /// Answers to the questions that earlier plans asked.
    pub facts: &'a Facts,
}

/// What is known because a plan asked for it.
#[derive(Default)]
pub struct Facts {
    /// Keys, and that there is none.
    pub keys: HashMap<RequestName, Option<KeptKey>>,
    /// The requests of the mesh that keys are kept for.
    pub kept: Option<Vec<RequestName>>,
    /// What was seen of the control plane.
    pub seen: Option<Seen>,
    /// Whether no workload ever had a certificate of a CA that the control plane made for itself.
    pub unused: Option<bool>,
    /// Whether MeshTrust was read from the API, not from a copy that may lag behind.
    pub trust_is_fresh: bool,
    /// Whether a certificate was written in this turn: it is not written twice.
    pub delivered: bool,
}

/// A key that is kept in the cluster.
#[derive(Clone, Debug)]
pub struct KeptKey {
    /// Its public half.
    pub public_key: PublicKey,
    /// The spec of the request that it was made for, without `csrData`.
    pub spec: RequestSpec,
}

/// A question to be answered before it can be decided what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The key that is kept for a request.
    Key(RequestName),
    /// For which requests keys are kept.
    Kept,
    /// What can be seen of the control plane.
    Seen,
    /// Whether no workload ever had a certificate of a CA that the control plane made for itself.
    Unused,
    /// MeshTrust as the API has it.
    FreshTrust,
}

/// What to do next.
#[derive(Debug)]
pub enum Plan {
    /// Find this out, and plan again.
    Look(Fact),
    /// Write this for the control plane, read what is there, and plan again.
    Install(Box<Delivery>),
    /// Do this.
    Do(Actions),
}

/// What is to be done by now.
#[derive(Debug)]
pub struct Actions {
    /// In this order.
    pub steps: Vec<Step>,
    /// When to look at the mesh again; `None`: when something changes.
    pub again: Option<Duration>,
}

/// One thing to be done.
#[derive(Debug)]
pub enum Step {
    /// Make a key and a request of this name, from the spec of the one before it.
    Renew {
        /// The request's name.
        name: RequestName,
        /// The request whose certificate is in use.
        in_use: RequestName,
        /// What it asks for.
        spec: Box<RequestSpec>,
    },
    /// Show in the metrics what is installed.
    Measure {
        /// When it ends.
        not_after: Timestamp,
        /// When its renewal is late.
        late: Timestamp,
        /// Whether it is used.
        pickup: Pickup,
    },
    /// Say this in MeshTrust.
    Report(Box<Report>),
    /// Note whether the control plane was seen to have loaded what is written.
    NoteLoaded(bool),
    /// Restart the control plane, once for what this names.
    Restart(String),
    /// Delete these requests, then the keys of these.
    Forget {
        /// Requests on the hub.
        requests: Vec<RequestName>,
        /// Requests whose keys are kept here.
        keys: Vec<RequestName>,
    },
}

/// How often a control plane is asked that has not shown the new certificate yet.
const ASK_SOON: Duration = Duration::from_secs(2);
/// How often, once it has not for minutes.
const ASK_LATER: Duration = Duration::from_secs(30);
/// How often one is asked that has: files and control planes change behind our back.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// Plans. The same view and moment always give the same plan.
pub fn plan(view: &View<'_>, now: Timestamp) -> Plan {
    match bring_about(view, now) {
        Ok(plan) => plan,
        Err(Stop::Look(fact)) => Plan::Look(fact),
        Err(Stop::Refuse(refusal)) => Plan::Do(refused(refusal, view.trust)),
    }
}

/// Says why nothing new could be installed; what is installed and loaded stays as it was.
pub fn refused(refusal: Refusal, trust: &MeshTrust) -> Actions {
    let report = Report::unchanged(refusal.into(), trust);
    Actions { steps: vec![Step::Report(Box::new(report))], again: Some(ASK_LATER) }
}

/// Why a plan cannot be finished.
enum Stop {
    Look(Fact),
    Refuse(Refusal),
}

impl From<Fact> for Stop {
    fn from(fact: Fact) -> Self {
        Self::Look(fact)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

fn bring_about(view: &View<'_>, now: Timestamp) -> Result<Plan, Stop> {
    let wanted = request_name(&view.trust.spec.request)?;
    let (mut useless, mut stage) = (None, None);
    match delivery::of(view, &wanted, now)? {
        Answer::Due(delivery) => return Ok(Plan::Install(delivery)),
        Answer::Useless(refusal) => useless = Some(Useless { name: wanted.clone(), refusal }),
        Answer::Taking(taken) => stage = Some(*taken),
        Answer::Settled => {}
    }
    let actions = match (view.found, useless) {
        (Found::Ours(installed), None) if installed.request.is_empty() => match &stage {
            Some(stage) => follow_up::of_own(view, installed, stage, now)?,
            None => wait(view, &wanted),
        },
        (Found::Ours(installed), useless)
            if !installed.request.is_empty()
                && let Some(certificate) = &installed.intermediate =>
        {
            follow_up::plan(view, installed, certificate, (useless, stage.as_ref()), now)?
        }
        (_, Some(useless)) => ask_again(view, useless),
        (Found::Nothing | Found::SelfSigned(_) | Found::Ours(_), None)
            if view.request(&wanted).is_none() =>
        {
            lost(view, &wanted)
        }
        (_, None) => wait(view, &wanted),
    };
    Ok(Plan::Do(actions))
}

/// What was installed is gone or cannot be read, and so is the request that it could be written anew from. Told that
/// nothing is installed, the hub asks with the next number.
fn lost(view: &View<'_>, wanted: &RequestName) -> Actions {
    let before = view.trust.status.as_ref();
    if before.is_none_or(|before| before.installed.is_none()) {
        return Actions { steps: Vec::new(), again: None };
    }
    let report = Report::nothing(notices::lost(view.control_plane, wanted));
    Actions { steps: vec![Step::Report(Box::new(report))], again: None }
}

/// A request whose answer can never be installed, and why.
struct Useless {
    name: RequestName,
    refusal: Refusal,
}

/// Nothing is installed, and the answer that there is cannot be: the next request asks for the same.
fn ask_again(view: &View<'_>, useless: Useless) -> Actions {
    let asked = view.request(&useless.name);
    let spec =
        asked.map(|request| RequestSpec { csr_data: Bytes::default(), ..request.spec.clone() });
    let newest = view.newest_after(&useless.name);
    let standing = newest.as_ref().map_or(Standing::Dead, |(_, request)| Standing::of(request));
    let name = newest.map_or_else(|| useless.name.clone(), |(name, _)| name);
    let mut steps = Vec::new();
    let mut again = ASK_LATER;
    if let (Next::Ask(next), Some(spec)) =
        (renewal::next(&name, standing, Cause::Due, |_| false), spec)
    {
        match renewal::pause(view.asked, attempts(&useless.name, &next), None) {
            Some(pause) => again = pause,
            None => steps.push(Step::Renew {
                name: next,
                in_use: useless.name.clone(),
                spec: Box::new(spec),
            }),
        }
    }
    steps.push(Step::Report(Box::new(Report::unchanged(useless.refusal.into(), view.trust))));
    Actions { steps, again: Some(again) }
}

/// How many requests were made in vain between one that was of use and the one to be made.
fn attempts(after: &RequestName, next: &RequestName) -> u32 {
    next.generation.saturating_sub(after.generation).saturating_sub(1)
}

/// Nothing is installed yet. A request that is on its ordinary way says so itself, and brings this mesh up again when
/// it is answered; whatever else it waits for is reported.
fn wait(view: &View<'_>, wanted: &RequestName) -> Actions {
    let notice = view.request(wanted).and_then(|request| notices::unanswered(wanted, request));
    let report = notice.map(|notice| Report::unchanged(notice, view.trust));
    let steps = report.into_iter().map(|report| Step::Report(Box::new(report))).collect();
    Actions { steps, again: None }
}

fn request_name(name: &str) -> Result<RequestName, Refusal> {
    RequestName::parse(name).ok_or_else(|| {
        Refusal::new(Reason::ResponseInvalid, format!("{name:?} is no name of a request"))
    })
}

impl<'a> View<'a> {
    /// Whether the policy wants the control plane restarted, and that can be done.
    fn wants_restart(&self) -> bool {
        let mesh_type = self.mesh.spec.mesh_type().unwrap_or_default();
        self.trust.spec.restart == Restart::Automatic && meshes::of(mesh_type).capabilities.restart
    }

    fn restarts(&self) -> bool {
        self.wants_restart() && self.control_plane.may_restart
    }

    fn request(&self, name: &RequestName) -> Option<&'a Request> {
        let name = name.to_string();
        self.requests
            .iter()
            .map(AsRef::as_ref)
            .find(|request| request.metadata.name.as_deref() == Some(name.as_str()))
    }

    /// The newest request after `in_use` in the same virtual mesh.
    fn newest_after(&self, in_use: &RequestName) -> Option<(RequestName, &'a Request)> {
        self.requests
            .iter()
            .filter_map(|request| {
                let name = RequestName::parse(request.metadata.name.as_deref()?)?;
                Some((name, request.as_ref()))
            })
            .filter(|(name, _)| {
                name.virtual_mesh == in_use.virtual_mesh && name.generation > in_use.generation
            })
            .max_by_key(|(name, _)| name.generation)
    }
}

impl Facts {
    fn key(&self, name: &RequestName) -> Result<Option<&KeptKey>, Fact> {
        self.keys.get(name).map(Option::as_ref).ok_or_else(|| Fact::Key(name.clone()))
    }

    fn kept(&self) -> Result<&[RequestName], Fact> {
        self.kept.as_deref().ok_or(Fact::Kept)
    }

    fn seen(&self) -> Result<&Seen, Fact> {
        self.seen.as_ref().ok_or(Fact::Seen)
    }

    fn unused(&self) -> Result<bool, Fact> {
        self.unused.ok_or(Fact::Unused)
    }
}
