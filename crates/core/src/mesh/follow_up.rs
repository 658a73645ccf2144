//! Something of ours is installed: is it in use, is it time for the next, can the old be forgotten?

use std::time::Duration;

use jiff::Timestamp;
use meshroot_api::names::RequestName;
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_api::trust::{Pickup, Witness};
use meshroot_api::{Bytes, Reason};
use meshroot_pki::Certificate;

use super::taking::Stage;
use super::{
    ASK_AGAIN, ASK_LATER, ASK_SOON, Actions, Fact, Installed, Report, Step, Stop, Useless, View,
    attempts, delivery, notices, request_name,
};
use crate::identity;
use crate::notice::Notice;
use crate::pickup::{self, Written};
use crate::renewal::{self, Cause, Next, Standing};

pub(super) fn plan(
    view: &View<'_>,
    installed: &Installed,
    intermediate: &Certificate,
    (useless, stage): (Option<Useless>, Option<&Stage>),
    now: Timestamp,
) -> Result<Actions, Stop> {
    let in_use = request_name(&installed.request)?;
    let seen = view.facts.seen()?;
    let written = written(installed, intermediate);
    let (pickup, witness) = pickup::judge(&written, seen, now);
    let due =
        renewal::due(intermediate, &view.control_plane.mesh, view.trust.spec.renew_at_percent);
    let is_due = due <= now || useless.is_some();
    let renewal = renewal(view, &in_use, intermediate, useless.as_ref(), is_due)?;
    let (begin, not_after) = (intermediate.not_before(), intermediate.not_after());
    let late = renewal::late(begin, not_after, view.trust.spec.renew_at_percent);
    let mut steps = vec![Step::Measure { not_after, late, pickup }];
    let said = match renewal {
        Renewal::Troubled(notice) => notice,
        Renewal::None => notices::of_pickup(view, &in_use, pickup),
        Renewal::Begin(step) => {
            steps.push(step);
            notices::of_pickup(view, &in_use, pickup)
        }
    };
    let said = match stage {
        Some(stage) => stage.said(view, said),
        None => said,
    };
    let said = useless.map_or(said, |useless| useless.refusal.into());
    let mut report = Report::seen(&in_use, &written, seen, (pickup, witness), said, now);
    let wanted = request_name(&view.trust.spec.request)?;
    // Other witnesses see neither the chain that is sent nor all anchors.
    let is_strong = witness == Some(Witness::WorkloadCertificate);
    report.has_come = is_strong && !view.roots.is_empty() && delivery::is_settled(view, &wanted);
    // After the renewal: what stands in its way is said in the same write, not in a second one that the next look takes
    // back.
    steps.push(Step::Report(Box::new(report)));
    steps.extend(note_loaded(installed, pickup, is_strong));
    let is_for = restart_for(view, installed);
    steps.extend(consequence(view, &in_use, &is_for, pickup, witness)?);
    let due = stage.and_then(Stage::until).map_or(due, |until| due.min(until));
    Ok(Actions { steps, again: Some(next_look(pickup, installed.written, due, now)) })
}

/// The CA that the mesh had goes on for a while: is it loaded with the trust anchors that were added?
pub(super) fn of_own(
    view: &View<'_>,
    installed: &Installed,
    stage: &Stage,
    now: Timestamp,
) -> Result<Actions, Stop> {
    let Some(certificate) = &installed.intermediate else {
        let said = notices::unreadable(view.control_plane);
        let report = Report::unchanged(said, view.trust);
        return Ok(Actions { steps: vec![Step::Report(Box::new(report))], again: Some(ASK_LATER) });
    };
    let seen = view.facts.seen()?;
    let (pickup, witness) = pickup::judge(&written(installed, certificate), seen, now);
    let said = match pickup {
        Pickup::RestartNeeded => stage.said(view, notices::restart_needed(view)),
        _ => stage.notice(view),
    };
    let mut steps = vec![Step::Report(Box::new(Report::of_own(seen, (pickup, witness), said)))];
    steps.extend(note_loaded(installed, pickup, witness == Some(Witness::WorkloadCertificate)));
    if pickup == Pickup::RestartNeeded && view.restarts() && witness.is_some() {
        steps.push(Step::Restart(restart_for(view, installed)));
    }
    let until = stage.until().unwrap_or(Timestamp::MAX);
    Ok(Actions { steps, again: Some(next_look(pickup, installed.written, until, now)) })
}

fn written(installed: &Installed, intermediate: &Certificate) -> Written {
    Written {
        intermediate: intermediate.clone(),
        chain: installed.chain.clone(),
        anchors: installed.anchors.iter().map(Certificate::fingerprint).collect(),
        at: installed.written,
    }
}

/// While a mesh is taken over, since when something is loaded is a fact that what comes next stands on. Weaker witnesses
/// see neither the chain that is sent nor all anchors. Of several replicas, another one may not have loaded it.
fn note_loaded(installed: &Installed, pickup: Pickup, is_strong: bool) -> Option<Step> {
    let noted = installed.taking.as_ref()?.loaded.is_some();
    let is_loaded = pickup == Pickup::Confirmed;
    (is_strong && noted != is_loaded).then_some(Step::NoteLoaded(is_loaded))
}

/// What is to be said and done about the next certificate.
enum Renewal {
    /// Nothing: it is not time, or it is under way.
    None,
    /// A person has to know what keeps it from being issued.
    Troubled(Notice),
    /// It is asked for.
    Begin(Step),
}

fn renewal(
    view: &View<'_>,
    in_use: &RequestName,
    intermediate: &Certificate,
    useless: Option<&Useless>,
    is_due: bool,
) -> Result<Renewal, Fact> {
    let moved = moved_to(view, in_use);
    // What is asked for where the mesh is now, which a person may have to act on.
    let newest = match &moved {
        Some(now) => view
            .newest_after(now)
            .or_else(|| view.request(now).map(|request| (now.clone(), request))),
        None => view.newest_after(in_use),
    };
    let trouble = newest.as_ref().and_then(|(name, request)| notices::unanswered(name, request));
    let waits = trouble.map_or(Renewal::None, Renewal::Troubled);
    if !is_due || moved.is_some() {
        return Ok(waits);
    }
    let (name, standing) = match newest {
        None => (in_use.clone(), Standing::InUse),
        Some((name, request)) => {
            let standing = match Standing::of(request) {
                Standing::Refused => {
                    let kept = view.facts.key(&name)?.map(|kept| &kept.public_key);
                    Standing::Refused.beside_key(request, kept, intermediate.public_key())
                }
                _ if useless.is_some_and(|useless| useless.name == name) => Standing::Dead,
                standing => standing,
            };
            (name, standing)
        }
    };
    // The ledger is not for agents to read: a number that it knows turns out to be dead.
    match renewal::next(&name, standing, Cause::Due, |_| false) {
        Next::Ask(name) => {
            match renewal::pause(view.asked, attempts(in_use, &name), Some(intermediate)) {
                None => begin(view, in_use, name),
                Some(_) => Ok(waits),
            }
        }
        Next::Wait => Ok(waits),
    }
}

/// The current request of a mesh that is in another virtual mesh now, which has asked already.
fn moved_to(view: &View<'_>, in_use: &RequestName) -> Option<RequestName> {
    RequestName::parse(&view.trust.spec.request)
        .filter(|current| current.virtual_mesh != in_use.virtual_mesh)
}

/// From the spec that is kept beside the key in use: neither the old request nor the hub's process is needed. Where that
/// is gone, from the old request.
fn begin(view: &View<'_>, in_use: &RequestName, name: RequestName) -> Result<Renewal, Fact> {
    let kept = view.facts.key(in_use)?.map(|kept| kept.spec.clone());
    let asked = || {
        let spec = view.request(in_use)?.spec.clone();
        Some(RequestSpec { csr_data: Bytes::default(), ..spec })
    };
    let Some(spec) = kept.or_else(asked) else {
        let message = format!(
            "the key Secret {} and the request are gone, and with them what a renewal is made from; the hub asks for the \
             next certificate before this one ends, `meshroot renew` asks now",
            in_use.key_secret()
        );
        return Ok(Renewal::Troubled(Notice::new(Reason::ResponseInvalid, message)));
    };
    if let Err(refusal) = identity::certified_names(&name, &spec) {
        return Ok(Renewal::Troubled(refusal.into()));
    }
    let (in_use, spec) = (in_use.clone(), Box::new(spec));
    Ok(Renewal::Begin(Step::Renew { name, in_use, spec }))
}

/// What follows from whether the certificate is used.
fn consequence(
    view: &View<'_>,
    in_use: &RequestName,
    is_for: &str,
    pickup: Pickup,
    witness: Option<Witness>,
) -> Result<Option<Step>, Fact> {
    match pickup {
        Pickup::Confirmed => forget(view, in_use),
        Pickup::RestartNeeded if view.restarts() && witness.is_some() => {
            Ok(Some(Step::Restart(is_for.to_owned())))
        }
        _ => Ok(None),
    }
}

/// What a restart is for: once for each certificate; while the root is replaced, for each change of MeshTrust; and while a
/// mesh is taken over, for each write.
fn restart_for(view: &View<'_>, installed: &Installed) -> String {
    let in_use = &installed.request;
    match (&installed.taking, &view.trust.spec.rotation, view.trust.metadata.generation) {
        (Some(_), _, _) => format!("{in_use} {}", installed.written),
        (None, Some(_), Some(generation)) => format!("{in_use} {generation}"),
        _ => in_use.clone(),
    }
}

/// Older requests and their keys, now that `in_use` was seen in use.
fn forget(view: &View<'_>, in_use: &RequestName) -> Result<Option<Step>, Fact> {
    let known: Vec<RequestName> = view
        .requests
        .iter()
        .filter_map(|request| RequestName::parse(request.metadata.name.as_deref()?))
        .collect();
    let owned = |names: Vec<&RequestName>| names.into_iter().cloned().collect::<Vec<_>>();
    let held = |name: &RequestName| view.request(name).is_some_and(renewal::is_held);
    let mut requests = owned(renewal::superseded(in_use, &known));
    requests.retain(|name| !held(name));
    let mut keys = owned(renewal::superseded(in_use, view.facts.kept()?));
    keys.retain(|name| !held(name));
    if requests.is_empty() && keys.is_empty() {
        return Ok(None);
    }
    // A copy that lags behind a move would have the new virtual mesh's request taken for a superseded one.
    if !view.facts.trust_is_fresh {
        return Err(Fact::FreshTrust);
    }
    let stays = RequestName::parse(&view.trust.spec.request)
        .is_some_and(|current| current.virtual_mesh == in_use.virtual_mesh);
    Ok(stays.then_some(Step::Forget { requests, keys }))
}

/// Often at first, ever less often the longer nothing is to be seen, and in time for the renewal.
fn next_look(pickup: Pickup, written: Timestamp, due: Timestamp, now: Timestamp) -> Duration {
    let until_due = Duration::try_from(due.duration_since(now)).unwrap_or(ASK_SOON).max(ASK_SOON);
    if pickup == Pickup::Confirmed {
        return ASK_AGAIN.min(until_due);
    }
    let waited = Duration::try_from(now.duration_since(written)).unwrap_or(ASK_SOON);
    (waited / 4).clamp(ASK_SOON, ASK_LATER).min(until_due)
}
