//! Taking a mesh over that has a CA of its own: in steps, so that no two of its workloads fail to trust each other.
//!
//! The planner that replaces the root of a virtual mesh plans this too, for one mesh alone: its present root has the part of
//! the old one. The CA that the mesh has goes on while its workloads come to trust both; then the certificate that it is told
//! is installed; then the former root is trusted no more. What workloads may still have stands beside what was written.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::Reason;
use meshroot_api::names::RequestName;
use meshroot_api::policy::Adopt;
use meshroot_api::trust::{Sent, TakingOver, Witness};
use meshroot_pki::{Certificate, PathOptions, Purpose, build_path, parse_bundle, to_bundle};

use super::found::{Delivery, Found, Installed, LEAF_LIFETIME, Own, Taking};
use super::{Stop, View, report};
use crate::membership::Key;
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::rotation::{
    AnchorChange, Blocked, Catalog, Chain, Held, Member, Position, Root, RootSet, Way, World,
    is_complete, plan, settling,
};

/// What is written for the control plane now, and what comes after it.
pub(super) struct Stage {
    pub(super) delivery: Delivery,
    /// What stands against more, and until when at the earliest.
    waits: Option<Blocked>,
    until: Option<Timestamp>,
    lag: SignedDuration,
    own: Vec<Certificate>,
}

/// Where a mesh is that is being taken over.
struct Standing<'a> {
    facts: TakingOver,
    loaded: Option<Timestamp>,
    /// What workloads send as long as nothing else is written.
    chain: &'a [Certificate],
    /// The request that this answers, if it answers one.
    request: Option<&'a str>,
    anchors: &'a [Certificate],
    /// The goal that this was told for.
    goal: Option<u32>,
}

/// What is to be written for a mesh that is `told` this and has a CA of its own; `None` where it has none, or where nothing
/// would be gained.
pub(super) fn stage(
    view: &View<'_>,
    told: &Delivery,
    would_change: bool,
    now: Timestamp,
) -> Result<Option<Stage>, Stop> {
    if view.trust.spec.adopt == Adopt::AtOnce {
        return Ok(None);
    }
    // Before the control plane is asked for a certificate.
    if matches!(view.found, Found::SelfSigned(_)) && had(view).is_none() && view.facts.unused()? {
        return Ok(None);
    }
    let Some(standing) = standing(view, told, would_change, now)? else { return Ok(None) };
    let seen = view.facts.seen()?;
    let lifetime = report::leaf_lifetime(seen, now).max(standing.facts.leaf_lifetime_seconds);
    let lag = lifetime.map_or(LEAF_LIFETIME, SignedDuration::from_secs);
    let own = parse_bundle(standing.facts.own_certificates.as_bytes()).unwrap_or_default();
    let mut known = Catalog::default();
    for certificate in told.roots.iter().chain(standing.anchors).chain(&own) {
        known.add(certificate).map_err(too_many)?;
    }
    let anchors = told.roots.iter().map(|root| known.add(root)).collect::<Result<_, _>>()?;
    let goal = Position { chain: chain_of(&mut known, &told.chain, &told.roots, now)?, anchors };
    let member = member(&mut known, view, &standing.facts, lag).map_err(too_many)?;
    let member = Member {
        chain: member.chain.loaded(standing.loaded),
        anchors: member.anchors.loaded(standing.loaded),
        capability: match seen.settings {
            Some(settings) if settings.anchors_live => AnchorChange::Live,
            _ => AnchorChange::Restart,
        },
        ..member
    };
    let world = World {
        members: vec![member.clone()],
        roots: RootSet::default(),
        crosses: Vec::new(),
        goal,
        way: Way::BundleFirst,
        gated: Vec::new(),
        tainted: None,
        accepts_refusals: false,
        now,
    };
    if is_complete(&world) {
        return Ok(None);
    }
    let Some(next) = plan(&world).into_iter().next() else { return Ok(None) };
    let member = member.tell(next.told, now);
    let facts = TakingOver {
        leaf_lifetime_seconds: lifetime,
        own: standing.facts.own.iter().filter(|own| !is_root_of(told, own)).cloned().collect(),
        own_certificates: standing.facts.own_certificates.clone(),
        ..facts(&known, &member, now)
    };
    let same = facts.sends == standing.facts.sends && facts.trusts == standing.facts.trusts;
    // What somebody else wrote meanwhile may have been loaded.
    let is_intact = !matches!(view.found, Found::Ours(installed) if !installed.intact);
    let loaded = standing.loaded.filter(|_| same && is_intact);
    let is_told = next.told.chain == goal.chain;
    let delivery = Delivery {
        request: match (is_told, standing.request) {
            (true, _) => told.request.clone(),
            (false, request) => request.and_then(RequestName::parse),
        },
        chain: if is_told { told.chain.clone() } else { standing.chain.to_vec() },
        // In one order from step to step: without multi-root, istiod drops an update whose root-cert.pem is not the same
        // bytes.
        roots: known.certificates(next.told.anchors, goal.chain.issuer).ok_or_else(not_at_hand)?,
        // The goal of another virtual mesh says nothing of what is kept.
        goal: if is_told { told.goal } else { standing.goal },
        keeps: !is_told,
        taking: Some(Taking { facts, loaded }),
    };
    let own = own.into_iter().filter(|own| !told.roots.contains(own)).collect();
    let settles = member.chain.settles().max(member.anchors.settles());
    let waits = next.waits.map(|(_, blocked)| blocked);
    let until = match &waits {
        Some(Blocked::Sends { until, .. } | Blocked::Trusts { until, .. }) => *until,
        Some(_) => None,
        None => settles,
    };
    Ok(Some(Stage { delivery, waits, until, lag, own }))
}

impl Stage {
    /// Whether it is what is there.
    pub(super) fn is_written(&self, installed: &Installed) -> bool {
        let request = self.delivery.request.as_ref().map(ToString::to_string).unwrap_or_default();
        installed.intact
            && installed.request == request
            && installed.chain == self.delivery.chain
            && installed.anchors == self.delivery.roots
            && installed.taking.as_ref().is_some_and(|taking| self.is_noted(taking))
    }

    /// A longer lifetime of a leaf that was seen meanwhile is to be written down.
    fn is_noted(&self, taking: &Taking) -> bool {
        let now = self.delivery.taking.as_ref();
        now.is_none_or(|now| now.facts.leaf_lifetime_seconds <= taking.facts.leaf_lifetime_seconds)
    }

    /// What else is said of the mesh, with what is waited for.
    pub(super) fn said(&self, view: &View<'_>, said: Notice) -> Notice {
        match said.reason {
            Reason::Loaded => self.notice(view),
            Reason::RestartNeeded => {
                let message = format!("{}; {}", said.message, self.notice(view).message);
                Notice::new(said.reason, message)
            }
            _ => said,
        }
    }

    /// What is waited for.
    pub(super) fn notice(&self, view: &View<'_>) -> Notice {
        let deployment = &view.control_plane.deployment;
        let wanted = &view.trust.spec.request;
        let own: Vec<String> = self.own.iter().map(|root| root.subject().to_string()).collect();
        let own = match own.as_slice() {
            [] => "the roots that it had before".to_owned(),
            own => own.join(" and "),
        };
        let until = match self.until {
            Some(until) => format!("until {until}"),
            None => format!(
                "until {} after {deployment} was seen to have loaded what is written",
                format_args!("{:#}", settling(self.lag))
            ),
        };
        let message = match (&self.waits, self.delivery.keeps) {
            (Some(_), true) => format!(
                "{deployment} goes on with the CA that the mesh has, while its workloads come to trust the virtual mesh beside \
                 {own}: {until}; the certificate of {wanted} is installed then"
            ),
            (Some(_), false) => format!(
                "{deployment} signs with the certificate of {wanted}; {own}, which the mesh trusted before, stays trusted \
                 while workloads may have certificates that lead there: {until}"
            ),
            (None, _) => format!(
                "{deployment} signs with the certificate of {wanted} and trusts nothing but the virtual mesh; workloads may \
                 trust {own} {until}"
            ),
        };
        Notice::new(Reason::TakingOver, message)
    }

    /// When it goes on, where that is known.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

fn standing<'a>(
    view: &'a View<'_>,
    told: &Delivery,
    would_change: bool,
    now: Timestamp,
) -> Result<Option<Standing<'a>>, Stop> {
    let installed = match view.found {
        Found::SelfSigned(own) | Found::Foreign { own: Some(own), .. } => {
            return of_own(view, told, own, now);
        }
        Found::Nothing if had(view) == Some(true) => return Err(gone(view).into()),
        Found::Nothing | Found::Foreign { own: None, .. } => return Ok(None),
        Found::Ours(installed) => installed,
    };
    let request = Some(installed.request.as_str()).filter(|request| !request.is_empty());
    let (chain, anchors) = (installed.chain.as_slice(), installed.anchors.as_slice());
    let is_kept = request.is_none_or(|request| {
        RequestName::parse(request).map(|name| name.virtual_mesh)
            != told.request.as_ref().map(|name| name.virtual_mesh.clone())
    });
    let has_ended = |one: &Certificate| one.not_after() <= now;
    if is_kept && installed.intermediate.as_ref().is_some_and(has_ended) {
        // Nobody accepts what it signed any more.
        return Ok(None);
    }
    Ok(match (&installed.taking, &installed.intermediate) {
        (Some(taking), _) if !taking.is_over(now) => {
            let (facts, goal) = (taking.facts.clone(), installed.goal);
            Some(Standing { facts, loaded: taking.loaded, chain, request, anchors, goal })
        }
        (_, Some(certificate)) if would_change => {
            let begun = begin(certificate, chain, anchors, now);
            begun.map(|begun| Standing { request, goal: installed.goal, ..begun })
        }
        _ => None,
    })
}

/// A mesh that has a CA of its own where ours was not written yet, or is gone.
fn of_own<'a>(
    view: &View<'_>,
    told: &Delivery,
    own: &'a Own,
    now: Timestamp,
) -> Result<Option<Standing<'a>>, Stop> {
    let Some(begun) = begin(&own.certificate, &own.chain, &own.anchors, now) else {
        return Ok(None);
    };
    let seen = view.facts.seen()?.workload_chain.as_ref();
    // What comes above the leaf; its roots may be trusted whoever signs.
    let is_used = seen.map(|chain| chain.get(1) == Some(&own.certificate));
    if is_used.unwrap_or_else(|| had(view).is_none()) {
        return Ok(Some(begun));
    }
    // What was written is gone, and the control plane still has it loaded: it is written again as it was.
    Ok((had(view) != Some(false)).then(|| in_the_middle(begun, told)))
}

/// Whether something of ours was installed before, and if so, whether the mesh was being taken over: then not all that is
/// told was there.
fn had(view: &View<'_>) -> Option<bool> {
    let status = view.trust.status.as_ref()?;
    status.installed.as_ref()?;
    let is_said = status.conditions.iter().any(|one| one.reason == Reason::TakingOver.word());
    let is_strong = status.witness == Some(Witness::WorkloadCertificate);
    Some(is_said || is_strong && status.observed_generation.is_none())
}

/// Of somebody else's CA, which the mesh goes on with for a while, there is a copy.
fn gone(view: &View<'_>) -> Refusal {
    let place = view.control_plane;
    let (namespace, secret) = (&place.namespace, place.secret);
    let message = format!(
        "Secret {namespace}/{secret} was deleted while the mesh was taken over, and with it what its workloads may still \
         need: create it again from {secret}-backup-… in {namespace}, or set spec.adopt: AtOnce in the TrustPolicy"
    );
    Refusal::new(Reason::RootWouldChange, message)
}

fn is_root_of(told: &Delivery, fingerprint: &str) -> bool {
    told.roots.iter().any(|root| root.fingerprint().to_string() == fingerprint)
}

/// A mesh whose workloads have nothing but this. `None` where they cannot verify each other as it is.
fn begin<'a>(
    certificate: &'a Certificate,
    chain: &'a [Certificate],
    anchors: &'a [Certificate],
    now: Timestamp,
) -> Option<Standing<'a>> {
    if certificate.not_after() <= now {
        return None;
    }
    let own: Vec<String> = anchors.iter().map(|one| one.fingerprint().to_string()).collect();
    let mut leads =
        leads(certificate, chain, anchors, now).map(|root| root.fingerprint().to_string());
    let sends = Sent { issuer: leads.next()?, through: leads.next() };
    // Whoever made this CA may have changed its root yesterday: leaves of the others may live.
    let others =
        own.iter().filter(|root| **root != sends.issuer && Some(*root) != sends.through.as_ref());
    let sent = others.map(|root| Sent { issuer: root.clone(), through: None }).collect();
    let facts = TakingOver {
        trusts: own.clone(),
        own,
        own_certificates: to_bundle(anchors),
        sends,
        sent,
        ..TakingOver::default()
    };
    Some(Standing { facts, loaded: None, chain, request: None, anchors, goal: None })
}

/// What was written is gone while the mesh was taken over: workloads may have any of it.
fn in_the_middle<'a>(begun: Standing<'a>, told: &Delivery) -> Standing<'a> {
    let roots: Vec<String> = told.roots.iter().map(|root| root.fingerprint().to_string()).collect();
    let own = begun.facts.own.clone();
    let facts = TakingOver {
        sends: roots
            .first()
            .map_or_else(Sent::default, |root| Sent { issuer: root.clone(), through: None }),
        trusts: own.iter().chain(&roots).cloned().collect(),
        sent: vec![begun.facts.sends.clone()],
        trusted: vec![own, roots],
        ..begun.facts
    };
    Standing { facts, ..begun }
}

/// The anchors that a certificate leads to.
fn leads<'a>(
    certificate: &'a Certificate,
    chain: &'a [Certificate],
    anchors: &'a [Certificate],
    now: Timestamp,
) -> impl Iterator<Item = &'a Certificate> {
    let options = PathOptions::new(now, Purpose::Any);
    anchors.iter().filter(move |anchor| {
        certificate == *anchor
            || build_path(certificate, chain, std::slice::from_ref(*anchor), &options).is_ok()
    })
}

/// What a chain leads to: of what is told first.
fn chain_of(
    known: &mut Catalog,
    chain: &[Certificate],
    told: &[Certificate],
    now: Timestamp,
) -> Result<Chain, Refusal> {
    let all: Vec<Certificate> = known.at_hand().cloned().collect();
    let of = |roots: &[Certificate]| -> Vec<Certificate> {
        let first = chain.first();
        first.map_or_else(Vec::new, |first| leads(first, chain, roots, now).cloned().collect())
    };
    let others = of(&all).into_iter().filter(|root| !told.contains(root));
    let mut found = of(told).into_iter().chain(others);
    let Some(issuer) = found.next() else {
        let message = "the certificate leads to none of the trust anchors that are told".to_owned();
        return Err(Refusal::new(Reason::LintRefused, message));
    };
    let chain = Chain::new(known.add(&issuer)?);
    match found.next() {
        None => Ok(chain),
        Some(through) => Ok(chain.through(known.add(&through)?)),
    }
}

fn member(
    known: &mut Catalog,
    view: &View<'_>,
    facts: &TakingOver,
    lag: SignedDuration,
) -> Result<Member, Refusal> {
    let sent: Vec<Chain> =
        facts.sent.iter().map(|sent| known.chain(sent)).collect::<Result<_, _>>()?;
    let trusted: Vec<RootSet> =
        facts.trusted.iter().map(|set| known.set(set)).collect::<Result<_, _>>()?;
    Ok(Member {
        mesh: Key::new("", &view.control_plane.mesh),
        chain: Held::new(known.chain(&facts.sends)?, sent, lag),
        anchors: Held::new(known.set(&facts.trusts)?, trusted, lag),
        capability: AnchorChange::Restart,
    })
}

/// What is over is not kept: it would count anew once something else is written.
fn facts(known: &Catalog, member: &Member, now: Timestamp) -> TakingOver {
    TakingOver {
        sends: known.sent(member.chain.told()),
        trusts: known.fingerprints(member.anchors.told()),
        sent: member.chain.may(now).skip(1).map(|chain| known.sent(chain)).collect(),
        trusted: member.anchors.may(now).skip(1).map(|set| known.fingerprints(set)).collect(),
        ..TakingOver::default()
    }
}

fn too_many(_: Refusal) -> Refusal {
    let message = format!(
        "the mesh and its virtual mesh trust more than {} roots together; take those away that nobody needs",
        Root::MOST
    );
    Refusal::new(Reason::ForeignSecret, message)
}

fn not_at_hand() -> Refusal {
    let message = "a root that workloads of the mesh may still need is not at hand any more: restart its workloads, then set \
                   spec.adopt: AtOnce in the TrustPolicy";
    Refusal::new(Reason::RootWouldChange, message)
}
