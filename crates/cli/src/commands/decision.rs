//! What a person decides: may they, on what, and a denial written down.

use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use meshroot_api::names::{ASKED_ANNOTATION, cluster_of_namespace};
use meshroot_api::security::{ApprovalStatus, ThirdPartyApprovalWorkflow};
use meshroot_api::{Asked, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::issuance::approval_digest;
use meshroot_pki::CertificateRequest;
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::kube::write::FIELD_MANAGER;
use meshroot_runtime::process::clock;
use meshroot_view::describe::approval;
use meshroot_view::kinds::Kind;
use meshroot_view::{age, full_name};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::locate::find_as;
use crate::output::list;
use crate::session::Session;
use crate::terminal::Terminal;

/// What was decided, and on what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision<'a> {
    pub(super) verdict: ApprovalStatus,
    /// The digest of what was shown to whoever decides, where they say so.
    pub(super) shown: Option<&'a str>,
}

/// Denies. Nothing is written before every request was found and can be denied.
pub(super) async fn deny_all(
    session: &Session,
    names: &[String],
    message: &str,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let decision = Decision { verdict: ApprovalStatus::Denied, shown: None };
    let now = clock::now();
    let mut requests = Vec::new();
    for name in names {
        let request: Request = find_as(session, Kind::Request, name).await?;
        check(&request, &decision, now)?;
        requests.push(request);
    }
    let user = user(session).await?;
    let mut written = Vec::new();
    for request in &requests {
        let denied = deny(session, request, (&user, message), now).await?;
        if session.global.output.is_table() {
            terminal.sheet(&approval::sheet(request, ApprovalStatus::Denied, &user, message))?;
        } else {
            written.push(serde_json::to_value(&denied).unwrap_or(Value::Null));
        }
    }
    if session.global.output.is_table() {
        Ok(())
    } else {
        terminal.print(&session.global.output.text(&list(written))?)
    }
}

/// The name that the API server knows the caller by.
pub(super) async fn user(session: &Session) -> Result<String, Failure> {
    let api: Api<SelfSubjectReview> = Api::all(session.client.clone());
    let review = SelfSubjectReview::default();
    let reviewed = retried(async || api.create(&PostParams::default(), &review).await).await;
    let reviewed = reviewed.map_err(|error| Failure::api("ask who you are", &error))?;
    let user = reviewed.status.and_then(|status| status.user_info).and_then(|user| user.username);
    user.filter(|user| !user.is_empty()).ok_or_else(|| {
        Failure::no("the API server does not say who you are, and a decision carries the name of whoever makes it")
            .fix("see what it says with: kubectl auth whoami")
    })
}

/// What a request has that cannot be decided any more.
pub(super) fn verdict(request: &Request) -> Option<&'static str> {
    let approval = request.approval();
    if request.is_answered() {
        return Some("answered with a certificate");
    }
    (approval != ApprovalStatus::Pending).then(|| approval.word())
}

/// Refuses what is decided already, and what nobody can know enough about.
pub(super) fn check(
    request: &Request,
    decision: &Decision<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let name = full_name(&request.metadata);
    let see = |field: &str| format!("vmcsr {name}, field {field}");
    if request.is_answered() {
        return Err(Failure::no(format!("request {name} was answered with a certificate already"))
            .see(see("status.response"))
            .fix("a certificate is not taken back by a decision: replace the root that signed it, or let it expire"));
    }
    let earlier = request.status_or_default().third_party_approval;
    if earlier.approval_status != ApprovalStatus::Pending {
        let when =
            earlier.last_updated_time.map(|time| format!(" {}", age::with_distance(time.0, now)));
        let why = if earlier.message.is_empty() {
            "without a message".to_owned()
        } else {
            quoted(&earlier.message)
        };
        return Err(Failure::no(format!(
            "request {name} was {} already{}, {why}",
            earlier.approval_status.word(),
            when.unwrap_or_default()
        ))
        .see(see("status.thirdPartyApproval"))
        .fix("a decision is final; ask for another request with: meshroot renew"));
    }
    if request.spec.csr_data.0.is_empty() {
        let whose = request.metadata.namespace.as_deref().and_then(cluster_of_namespace);
        let agent = whose
            .map_or_else(|| "the agent".to_owned(), |cluster| format!("the agent of {cluster}"));
        return Err(Failure::no(format!(
            "request {name} has nothing to decide on yet: {agent} has not made its certificate signing request"
        ))
        .see(see("spec.csrData"))
        .fix("wait for it with: meshroot get vmcsr -A --watch; see whether the agent is there with: meshroot cluster list"));
    }
    if decision.verdict == ApprovalStatus::Approved {
        check_asked(request, decision)
    } else {
        Ok(())
    }
}

/// Nothing is approved but what the hub asks for: whoever says what they were shown gets that, or nothing.
fn check_asked(request: &Request, decision: &Decision<'_>) -> Result<(), Failure> {
    let name = full_name(&request.metadata);
    let csr = CertificateRequest::parse(&request.spec.csr_data.0).map_err(|error| {
        Failure::no(format!(
            "request {name} cannot be approved: what it asks for cannot be read: {error}"
        ))
        .see(format!("vmcsr {name}, field spec.csrData"))
        .fix("deny it, and look at the cluster that wrote it")
    })?;
    let annotation = format!("vmcsr {name}, annotation {ASKED_ANNOTATION}");
    let Some(digest) = approval_digest(request) else {
        let state = request.status_or_default().computed_status;
        let says = if state.message.is_empty() { "nothing yet" } else { &state.message };
        return Err(Failure::no(format!(
            "request {name} is not to be approved: the hub has not asked anybody to; it says: {says}"
        ))
        .see(annotation)
        .fix("meshroot describe vmcsr shows what it waits for; approval mode ThirdParty asks people, and so do rules"));
    };
    let asked =
        Asked::of(request).filter(|asked| asked.csr_sha256 == csr.fingerprint().to_string());
    let shown = decision.shown.map(str::to_ascii_lowercase);
    if asked.is_some() && shown.is_none_or(|shown| shown == digest.to_string()) {
        return Ok(());
    }
    Err(Failure::no(format!(
        "request {name} is not what was shown: what would be approved has the digest {digest}"
    ))
    .see(annotation)
    .fix(format!("look at it again with: meshroot describe vmcsr {name}")))
}

/// One write to `/status`, based on the version that was read: of the bytes that were looked at.
pub(super) async fn deny(
    session: &Session,
    request: &Request,
    (user, message): (&str, &str),
    now: Timestamp,
) -> Result<Request, Failure> {
    let namespace = request.metadata.namespace.as_deref().unwrap_or_default();
    let name = request.metadata.name.as_deref().unwrap_or_default();
    let api: Api<Request> = Api::namespaced(session.client.clone(), namespace);
    let patch = patch(request, user, message, now);
    let parameters =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let written =
        retried(async || api.patch_status(name, &parameters, &Patch::Merge(&patch)).await).await;
    written.map_err(|error| Failure::api(&format!("deny request {namespace}/{name}"), &error))
}

fn patch(request: &Request, user: &str, message: &str, now: Timestamp) -> Value {
    json!({
        "metadata": { "resourceVersion": request.metadata.resource_version },
        "status": { "thirdPartyApproval": {
            "approvalStatus": ApprovalStatus::Denied.word(),
            "message": ThirdPartyApprovalWorkflow::signed(ApprovalStatus::Denied, user, message),
            "lastUpdatedTime": whole_seconds(now).to_string(),
        } },
    })
}

/// The API keeps whole seconds; never one that is yet to come.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn quoted(message: &str) -> String {
    format!("with the message {message:?}")
}

#[cfg(test)]
mod tests;
