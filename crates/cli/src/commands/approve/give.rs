//! An approval is an object of its own, which says what was shown to whom.

use kube::Api;
use kube::api::{DeleteParams, PostParams, Preconditions};
use meshroot_api::approval::RequestApprovalSpec;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::{RequestApproval, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::issuance::approval_digest;
use meshroot_pki::Fingerprint;
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::process::clock;
use meshroot_view::describe::approval;
use meshroot_view::full_name;
use meshroot_view::kinds::Kind;
use serde_json::Value;

use super::Arguments;
use crate::commands::decision::{Decision, check, user};
use crate::commands::related::request_file;
use crate::failure::Failure;
use crate::locate::find_as;
use crate::output::list;
use crate::session::Session;
use crate::terminal::Terminal;

/// Nothing is written before every request was found and can be approved.
pub(super) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let decision = Decision { verdict: ApprovalStatus::Approved, shown: asked.sha256.as_deref() };
    let mut requests = Vec::new();
    for name in &asked.names {
        let request: Request = find_as(session, Kind::Request, name).await?;
        check(&request, &decision, clock::now())?;
        requests.push(request);
    }
    let user = user(session).await?;
    let mut written = Vec::new();
    for request in requests {
        let given = give(session, &request, &user, &asked.message).await?;
        if session.global.output.is_table() {
            terminal.sheet(&approval::sheet(
                &request,
                ApprovalStatus::Approved,
                &user,
                &asked.message,
            ))?;
            count(session, request, terminal).await?;
        } else {
            written.push(serde_json::to_value(&given).unwrap_or(Value::Null));
        }
    }
    if session.global.output.is_table() {
        return Ok(());
    }
    terminal.print(&session.global.output.text(&list(written))?)
}

/// Says how many approvals there are, where that can be known here.
pub(super) async fn count(
    session: &Session,
    request: Request,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let file = Box::pin(request_file(session, request)).await?;
    match file.given(clock::now()) {
        // What was signed meanwhile needs no more.
        Some(given) if !given.people.is_empty() => {
            terminal.line(format!("  {:<15}{}", "Approvals", approval::count(&given)))
        }
        _ => Ok(()),
    }
}

/// Writes the approval of what `request` asks. One that this user gave before is renewed.
pub(super) async fn give(
    session: &Session,
    request: &Request,
    user: &str,
    message: &str,
) -> Result<RequestApproval, Failure> {
    let name = full_name(&request.metadata);
    let approval = approval_of(request, user, message);
    let api = api(session, request);
    let doing = format!("approve request {name}");
    let created = retried(async || api.create(&PostParams::default(), &approval).await).await;
    match created {
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        other => return other.map_err(|error| Failure::api(&doing, &error)),
    }
    // Given before, perhaps long ago, or by a call of this command whose answer was lost.
    remove(session, request, user).await?;
    let created = retried(async || api.create(&PostParams::default(), &approval).await).await;
    created.map_err(|error| Failure::api(&doing, &error))
}

/// Takes the approval away that `user` gave; whether there was one.
pub(super) async fn remove(
    session: &Session,
    request: &Request,
    user: &str,
) -> Result<bool, Failure> {
    let api = api(session, request);
    let name = approval_of(request, user, "").metadata.name.unwrap_or_default();
    let doing = format!("withdraw the approval {name}");
    let failed = |error: kube::Error| Failure::api(&doing, &error);
    let found = retried(async || api.get_opt(&name).await).await.map_err(failed)?;
    let Some(found) = found else { return Ok(false) };
    let this = Preconditions { uid: found.metadata.uid, resource_version: None };
    let parameters = DeleteParams { preconditions: Some(this), ..DeleteParams::default() };
    match retried(async || api.delete(&name, &parameters).await).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn api(session: &Session, request: &Request) -> Api<RequestApproval> {
    let namespace = request.metadata.namespace.as_deref().unwrap_or_default();
    Api::namespaced(session.client.clone(), namespace)
}

fn approval_of(request: &Request, user: &str, message: &str) -> RequestApproval {
    // Names of users are no names of objects.
    let suffix: String = Fingerprint::of(user.as_bytes()).to_string().chars().take(12).collect();
    let digest = approval_digest(request).map(|digest| digest.to_string());
    let spec = RequestApprovalSpec {
        request: request.metadata.name.clone().unwrap_or_default(),
        virtual_mesh_ref: request.spec.virtual_mesh_ref.clone(),
        sha256: digest.unwrap_or_default(),
        user: user.to_owned(),
        message: message.to_owned(),
    };
    RequestApproval::of(request, &suffix, spec)
}
