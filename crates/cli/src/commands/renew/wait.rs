//! Waiting until a mesh uses what was asked for.

use futures::StreamExt as _;
use futures::stream::{BoxStream, select};
use jiff::SignedDuration;
use kube::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use meshroot_api::names::RequestName;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::shared::State;
use meshroot_api::trust::Pickup;
use meshroot_api::{MeshTrust, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::membership::Key;
use tokio::time::{Instant, timeout_at};

use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

/// Waits for each in turn, all within one limit.
pub(super) async fn all(
    session: &Session,
    awaited: &[(Key, RequestName)],
    limit: SignedDuration,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let deadline = Instant::now() + limit.unsigned_abs();
    for (mesh, name) in awaited {
        let mut seen = Seen::default();
        let wait = one(session, mesh, name, &mut seen, terminal);
        match timeout_at(deadline, wait).await {
            Ok(outcome) => outcome?,
            Err(_) => {
                return Err(Failure::no(format!(
                    "mesh {} does not use {name} after {limit:#}: {}",
                    mesh.name,
                    seen.progress(name)
                ))
                .see(format!("vmcsr {}/{name} and MeshTrust {}/{}", mesh.namespace, mesh.namespace, mesh.name))
                .fix(format!("nothing is lost, and it continues without this command; look with: meshroot describe vmcsr {name}")));
            }
        }
    }
    Ok(())
}

/// The newest that was seen of the two objects.
#[derive(Default)]
struct Seen {
    request: Option<Request>,
    trust: Option<MeshTrust>,
}

enum Change {
    Request(Box<watcher::Result<Option<Request>>>),
    Trust(Box<watcher::Result<Option<MeshTrust>>>),
}

async fn one(
    session: &Session,
    mesh: &Key,
    name: &RequestName,
    seen: &mut Seen,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut changes = changes(session, mesh, name);
    let mut said = String::new();
    let interrupted = |error: &watcher::Error| {
        Failure::unless_resumed(&format!("watch {name} and its mesh"), error)
    };
    while let Some(change) = changes.next().await {
        match change {
            Change::Request(change) => match *change {
                Ok(request) => seen.request = request,
                Err(error) => interrupted(&error)?,
            },
            Change::Trust(change) => match *change {
                Ok(trust) => seen.trust = trust,
                Err(error) => interrupted(&error)?,
            },
        }
        let progress = seen.progress(name);
        if progress != said {
            terminal.line(format!("{name}: {progress}"))?;
            said = progress;
        }
        if let Some(outcome) = seen.outcome(name) {
            return outcome;
        }
    }
    Ok(())
}

fn changes(session: &Session, mesh: &Key, name: &RequestName) -> BoxStream<'static, Change> {
    let requests: Api<Request> = Api::namespaced(session.client.clone(), &mesh.namespace);
    let trusts: Api<MeshTrust> = Api::namespaced(session.client.clone(), &mesh.namespace);
    let requests = watch_object(requests, &name.to_string()).default_backoff();
    let requests = requests.map(|change| Change::Request(Box::new(change)));
    let trusts = watch_object(trusts, &mesh.name).default_backoff();
    let trusts = trusts.map(|change| Change::Trust(Box::new(change)));
    select(requests, trusts).boxed()
}

impl Seen {
    /// One line: how far it is.
    fn progress(&self, name: &RequestName) -> String {
        // The two are watched apart: what the mesh does may be seen before the request's answer.
        if let Some((pickup, message)) = self.installed(name) {
            return format!("installed, {}: {message}", pickup.word())
                .trim_end_matches(": ")
                .to_owned();
        }
        let Some(request) = &self.request else { return "not seen yet".to_owned() };
        if request.is_answered() {
            return "issued; waiting for the agent to install it".to_owned();
        }
        let status = request.status_or_default().computed_status;
        let message = if status.message.is_empty() {
            "waiting for the agent or the hub"
        } else {
            &status.message
        };
        format!("{}: {message}", status.state.word())
    }

    /// The end of the wait, if it has come.
    fn outcome(&self, name: &RequestName) -> Option<Result<(), Failure>> {
        if let Some((Pickup::Confirmed | Pickup::RestartNeeded, _)) = self.installed(name) {
            return Some(Ok(()));
        }
        let request = self.request.as_ref().filter(|request| !request.is_answered())?;
        let status = request.status_or_default();
        let denied = request.approval() == ApprovalStatus::Denied;
        if !denied && status.computed_status.state != State::Invalid {
            return None;
        }
        let word = if denied { "DENIED" } else { "INVALID" };
        let message = if denied {
            status.third_party_approval.message
        } else {
            status.computed_status.message
        };
        let see = format!("meshroot describe vmcsr {name}");
        Some(Err(Failure::no(format!("request {name} is {word}: {message}"))
            .fix(format!("look at it with: {see}"))))
    }

    fn installed(&self, name: &RequestName) -> Option<(Pickup, String)> {
        let status = self.trust.as_ref()?.status.as_ref()?;
        let installed = status.installed.as_deref() == Some(name.to_string().as_str());
        installed.then(|| (status.pickup, status.message.clone()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::needless_pass_by_value)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name() -> RequestName {
        RequestName::first("a", "demo").next()
    }

    fn seen(request: serde_json::Value, trust: serde_json::Value) -> Seen {
        let request = json!({
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
            "metadata": { "name": "a.demo.2" }, "spec": {}, "status": request,
        });
        let trust = json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "MeshTrust", "metadata": { "name": "a" },
            "spec": { "request": "a.demo.2", "trustAnchors": "", "key": "ECDSA-P256", "renewAtPercent": 50 }, "status": trust,
        });
        Seen {
            request: Some(serde_json::from_value(request).unwrap()),
            trust: Some(serde_json::from_value(trust).unwrap()),
        }
    }

    #[test]
    fn the_wait_ends_when_this_very_request_is_in_use_or_needs_a_restart() {
        let answered = json!({ "response": { "caCertificate": "eA==" } });
        for (installed, pickup, ended) in [
            ("a.demo.2", "Confirmed", true),
            ("a.demo.2", "RestartNeeded", true),
            ("a.demo.2", "Waiting", false),
            ("a.demo.1", "Confirmed", false),
        ] {
            let seen = seen(answered.clone(), json!({ "installed": installed, "pickup": pickup }));
            assert_eq!(seen.outcome(&name()).is_some(), ended, "{installed} {pickup}");
        }
    }

    #[test]
    fn a_denial_ends_the_wait_with_its_reason() {
        let denied =
            json!({ "thirdPartyApproval": { "approvalStatus": "DENIED", "message": "CHG-9" } });
        let failure = seen(denied, json!({})).outcome(&name()).unwrap().unwrap_err();
        assert!(failure.text(false).contains("DENIED: CHG-9"));
    }

    #[test]
    fn progress_says_who_is_waited_for() {
        let waiting = json!({ "computedStatus": { "message": "waiting for the agent of east" } });
        assert_eq!(
            seen(waiting, json!({})).progress(&name()),
            "UNKNOWN: waiting for the agent of east"
        );
        let answered = json!({ "response": { "caCertificate": "eA==" } });
        assert_eq!(
            seen(answered, json!({})).progress(&name()),
            "issued; waiting for the agent to install it"
        );
    }
}
