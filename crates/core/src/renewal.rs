//! What comes next for the requests of a mesh: where one stands, who asks for another and under which number, when a
//! certificate is due, and what may be forgotten.
//!
//! The one rule for hub, agent and CLI:
//!
//! | the newest request | its time has come | the policy changed | the mesh has another identity | a person asks |
//! | --- | --- | --- | --- | --- |
//! | is in use | the next | the next | the next | the next |
//! | is answered, not in use yet | – | the next | the next | the next |
//! | is open | – | – | the next | – |
//! | is refused | – | – | the next | the next |
//! | was denied | – | – | the next | the next |
//! | is dead | the next | the next | the next | the next |
//!
//! A number that the ledger knows is never used again: a request of that name could not be answered.

mod due;

use std::time::Duration;

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names::RequestName;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::shared::State;
use meshroot_pki::{Certificate, CertificateRequest, PublicKey};

pub use due::{due, late};

use crate::revocation;

/// Where a request stands, by its own fields: never by the words of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The mesh uses its certificate.
    InUse,
    /// It has its certificate.
    Answered,
    /// The agent, the hub or a person has yet to act.
    Open,
    /// The hub refuses it as things are: whoever puts the cause right (a Mesh, a policy) has it issued after all.
    Refused,
    /// A person decided against it.
    Denied,
    /// Its number is taken, its `csrData`, which is set once, can never be taken, or its answer can never be installed:
    /// nothing that anybody changes makes it of use.
    Dead,
}

impl Standing {
    /// Where a request stands on the hub.
    pub fn of(request: &Request) -> Self {
        let state = request.state();
        if request.is_answered() {
            Self::Answered
        } else if request.approval() == ApprovalStatus::Denied {
            Self::Denied
        } else if state == State::Conflict {
            Self::Dead
        } else if state != State::Invalid || request.spec.csr_data.0.is_empty() {
            Self::Open
        } else if key_of(request).is_none() {
            Self::Dead
        } else {
            Self::Refused
        }
    }

    /// Where it stands in the cluster that keeps the keys: a request that is refused and not for `kept`, the key that
    /// is kept for it, could not be installed either; nor one for `in_use`, the key that it should replace.
    #[must_use]
    pub fn beside_key(
        self,
        request: &Request,
        kept: Option<&PublicKey>,
        in_use: &PublicKey,
    ) -> Self {
        let is_own = key_of(request).is_some_and(|key| Some(&key) == kept && key != *in_use);
        if self == Self::Refused && !is_own { Self::Dead } else { self }
    }
}

/// The key that a request is for, where its `csrData` is a PKCS#10 request.
fn key_of(request: &Request) -> Option<PublicKey> {
    let csr = CertificateRequest::parse(&request.spec.csr_data.0).ok()?;
    Some(csr.public_key().clone())
}

/// On whose account another request is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The certificate in use is due: the agent asks.
    Due,
    /// The policy asks for another certificate than was issued, or the newest request is dead: the hub asks.
    Policy,
    /// The mesh has another identity than the newest request asks for: the hub asks.
    Identity,
    /// A person asks.
    Person,
}

impl Cause {
    /// Whether another request is asked for after one that stands so.
    fn follows(self, newest: Standing) -> bool {
        match newest {
            Standing::InUse | Standing::Dead => true,
            Standing::Open => self == Self::Identity,
            Standing::Answered => self != Self::Due,
            Standing::Refused | Standing::Denied => {
                matches!(self, Self::Identity | Self::Person)
            }
        }
    }
}

/// What comes after the newest request of a mesh in a virtual mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: that one is waited for, or left as it was decided.
    Wait,
    /// A request of this name.
    Ask(RequestName),
}

/// Decides whether another request follows the newest one, and what it is called. `is_recorded` tells whether the
/// ledger knows a number.
pub fn next(
    newest: &RequestName,
    standing: Standing,
    cause: Cause,
    is_recorded: impl Fn(&RequestName) -> bool,
) -> Next {
    if cause.follows(standing) {
        Next::Ask(first_free(newest.next(), is_recorded))
    } else {
        Next::Wait
    }
}

/// What is left of the pause between two requests that an agent makes for one mesh; `None` where it may ask.
///
/// A certificate that is due as soon as it is installed (the agent's clock is ahead) and one that can never be installed
/// would otherwise be asked for without end. `asked`: how long ago it asked; `in_vain`: how many requests it made since
/// the last one that was of use; `in_use`: the certificate that it is to replace, of whose lifetime the pause takes no
/// more than a tenth.
pub fn pause(
    asked: Option<Duration>,
    in_vain: u32,
    in_use: Option<&Certificate>,
) -> Option<Duration> {
    let lifetime = in_use.map(|in_use| in_use.not_after().duration_since(in_use.not_before()));
    let tenth = lifetime.and_then(|lifetime| Duration::try_from(lifetime / 10).ok());
    let longest = tenth.map_or(LONGEST, |tenth| tenth.min(LONGEST));
    let floor = FLOOR.saturating_mul(1_u32.checked_shl(in_vain).unwrap_or(u32::MAX)).min(longest);
    floor.checked_sub(asked?).filter(|left| !left.is_zero())
}

/// Between two requests of an agent, doubled with each that was in vain.
const FLOOR: Duration = Duration::from_mins(10);
const LONGEST: Duration = Duration::from_hours(6);

/// The first number from `name` on that is not taken.
fn first_free(name: RequestName, is_taken: impl Fn(&RequestName) -> bool) -> RequestName {
    let last = RequestName { generation: u32::MAX, ..name.clone() };
    from(name).find(|name| !is_taken(name)).unwrap_or(last)
}

/// The numbers from this one on. They end: an agent may ask for the last of all.
fn from(name: RequestName) -> impl Iterator<Item = RequestName> {
    std::iter::successors(Some(name), |name| Some(name.next()).filter(|next| next != name))
}

/// So far above what the ledger knows may a number be: requests that were deleted before they were decided, and a ledger from
/// a backup. An agent that jumped to the last number of all would leave none for the next request.
const LARGEST_JUMP: u32 = 1000;

/// Whether a request's number is too far above all that the ledger knows of its mesh in its virtual mesh.
pub fn is_far_ahead(name: &RequestName, is_recorded: impl Fn(&RequestName) -> bool) -> bool {
    let Some(lowest) = name.generation.checked_sub(LARGEST_JUMP) else { return false };
    let before = (lowest..name.generation).rev();
    lowest > 0
        && !before
            .map(|generation| RequestName { generation, ..name.clone() })
            .any(|it| is_recorded(&it))
}

/// So many numbers in a row that nobody knows end the search for requests.
const LARGEST_GAP: u32 = 8;

/// What the hub holds under the numbers of one mesh in one virtual mesh.
pub struct Numbers<'a> {
    /// Whether there is a request of that name.
    pub is_there: &'a dyn Fn(&RequestName) -> bool,
    /// Whether one is used up: the ledger holds a decision on it, or it is another virtual mesh's of the same name.
    pub is_recorded: &'a dyn Fn(&RequestName) -> bool,
    /// The request whose certificate the mesh uses, as its agent says.
    pub installed: Option<RequestName>,
}

impl Numbers<'_> {
    /// The request that a mesh is at: `named`, or, where that was decided and deleted before it was of use, the first
    /// number after it that was not. So it is with a mesh that comes back to a virtual mesh; if it has not installed
    /// what it was to have meanwhile, it is at what it has.
    pub fn current(&self, named: RequestName) -> RequestName {
        match &self.installed {
            Some(installed) if installed.virtual_mesh == named.virtual_mesh => {
                let is_later = installed.generation > named.generation;
                if is_later && (self.is_recorded)(installed) { installed.clone() } else { named }
            }
            _ => first_free(named, |name| !(self.is_there)(name) && (self.is_recorded)(name)),
        }
    }

    /// The requests that are there, from `current` on. A number that only the ledger still knows is passed over: that
    /// request was deleted; so is `current` itself, which may be gone while its renewal exists; so are a few that nobody
    /// knows any more, as of requests that were deleted before they were decided.
    pub fn requests(&self, current: &RequestName) -> impl Iterator<Item = RequestName> {
        let mut unknown = 0;
        from(current.clone())
            .take_while(move |name| {
                let is_known = (self.is_there)(name) || (self.is_recorded)(name);
                unknown = if is_known { 0 } else { unknown + 1 };
                unknown <= LARGEST_GAP
            })
            .filter(|name| (self.is_there)(name))
    }

    /// The first request to be made, where there is none: one that was decided and is gone is not made again, since
    /// it is in use and its renewal comes from the agent, or, [`late`], from the hub.
    pub fn first(&self, current: &RequestName) -> Next {
        if (self.is_recorded)(current) { Next::Wait } else { Next::Ask(current.clone()) }
    }
}

/// Whether the hub or a person may be looking at a request: until it is decided its name stands for this very object,
/// and its agent may not take it away. One that says that a key was stolen stays until that was acted on.
pub fn is_held(request: &Request) -> bool {
    let is_open = Standing::of(request) == Standing::Open && !request.spec.csr_data.0.is_empty();
    is_open || (!request.is_answered() && revocation::asked(request).is_some())
}

/// The requests that may be forgotten once `in_use`, of the virtual mesh that the mesh is in now, is confirmed in use:
/// older ones, and those of a virtual mesh that the mesh has left.
pub fn superseded<'a>(
    in_use: &RequestName,
    all: impl IntoIterator<Item = &'a RequestName>,
) -> Vec<&'a RequestName> {
    all.into_iter()
        .filter(|other| other.mesh == in_use.mesh)
        .filter(|other| {
            other.virtual_mesh != in_use.virtual_mesh || other.generation < in_use.generation
        })
        .collect()
}
