//! `meshroot describe`: everything about one object, and what happened to it.

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{ListParams, ObjectMeta};
use meshroot_api::{
    Mesh, MeshTrust, RootRotation, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
    names,
};
use meshroot_core::membership::{Key, members};
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::kube::write::{Failure as ApiFailure, classify};
use meshroot_runtime::process::clock;
use meshroot_view::Sheet;
use meshroot_view::describe::virtual_mesh::{Member, newest};
use meshroot_view::describe::{events, mesh, virtual_mesh};
use meshroot_view::kinds::Kind;
use serde::Serialize;
use serde_json::Value;

use super::related::{optional, policy_of, request_file, requests};
use super::rotate::gather::line;
use crate::failure::Failure;
use crate::locate::{find, parse};
use crate::output::list;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to describe.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// vm, vmcsr or mesh
    kind: Kind,
    /// NAME or NAMESPACE/NAME
    name: String,
}

/// A description, and the objects that it was made from.
struct Description {
    sheet: Sheet,
    objects: Vec<Value>,
    /// The objects whose events are shown.
    happened_to: Vec<ObjectMeta>,
}

/// Describes it.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let kind = asked.kind;
    if !matches!(kind, Kind::Request | Kind::VirtualMesh | Kind::Mesh) {
        return Err(Failure::usage(format!(
            "{} cannot be described; vm, vmcsr and mesh can",
            kind.word()
        ))
        .fix(format!(
            "see all of it with: meshroot get {} {} -o yaml",
            kind.word(),
            asked.name
        )));
    }
    let object = find(session, kind, &asked.name).await?;
    let mut description = match kind {
        Kind::Request => of_request(session, parse(kind, object)?).await?,
        Kind::VirtualMesh => of_virtual_mesh(session, parse(kind, object)?).await?,
        _ => of_mesh(session, parse(kind, object)?).await?,
    };
    if !session.global.output.is_table() {
        return terminal.print(&session.global.output.text(&list(description.objects))?);
    }
    add_events(session, &description.happened_to, &mut description.sheet).await;
    terminal.sheet(&description.sheet)
}

async fn of_request(session: &Session, request: Request) -> Result<Description, Failure> {
    let file = request_file(session, request).await?;
    let objects = [
        shown(&file.request),
        file.record.as_ref().and_then(shown),
        file.previous.as_ref().and_then(shown),
        file.trust.as_ref().and_then(shown),
        file.policy.as_ref().and_then(shown),
        file.mesh.as_ref().and_then(shown),
        file.virtual_mesh.as_ref().and_then(shown),
    ];
    let approvals = file.approvals.iter().map(shown);
    let before = file.record_before.as_ref().and_then(shown);
    Ok(Description {
        sheet: file.sheet(clock::now()),
        objects: objects.into_iter().chain(approvals).flatten().chain(before).collect(),
        happened_to: vec![file.request.metadata],
    })
}

async fn of_virtual_mesh(session: &Session, mesh: VirtualMesh) -> Result<Description, Failure> {
    let key = Key::of(&mesh);
    let policy = policy_of(session, &key).await?;
    let mut gathered = Vec::new();
    for member in members(&mesh) {
        let trust = optional(session, &member.namespace, &member.name).await?;
        let all = requests(session, &member.namespace).await?;
        let request = newest(&member, &key.name, all);
        gathered.push(Member { key: member, request, trust });
    }
    let mut objects = vec![shown(&mesh), policy.as_ref().and_then(shown)];
    for member in &gathered {
        objects.push(member.request.as_ref().and_then(shown));
        objects.push(member.trust.as_ref().and_then(shown));
    }
    let mut sheet = virtual_mesh::sheet(&mesh, policy.as_ref(), &gathered, clock::now());
    let rotation = running(session, &key).await?;
    if let Some(rotation) = &rotation {
        sheet.heading("Root rotation");
        sheet.line(format!("{}: {}", Key::of(rotation), line(rotation)));
        objects.push(shown(rotation));
    }
    let happened_to = [
        Some(mesh.metadata),
        policy.map(|policy| policy.metadata),
        rotation.map(|rotation| rotation.metadata),
    ];
    Ok(Description {
        sheet,
        objects: objects.into_iter().flatten().collect(),
        happened_to: happened_to.into_iter().flatten().collect(),
    })
}

/// The rotation of its root that is not at its end.
async fn running(session: &Session, virtual_mesh: &Key) -> Result<Option<RootRotation>, Failure> {
    let api: Api<RootRotation> = Api::namespaced(session.client.clone(), &virtual_mesh.namespace);
    let all = match retried(async || api.list(&ListParams::default()).await).await {
        Ok(list) => list.items,
        Err(error) if matches!(classify(&error), ApiFailure::Forbidden(_)) => return Ok(None),
        Err(error) => {
            let doing = format!("list rootrotations in namespace {}", virtual_mesh.namespace);
            return Err(Failure::api(&doing, &error));
        }
    };
    let number = |rotation: &RootRotation| {
        names::rotation_number(&Key::of(rotation).name, &virtual_mesh.name)
    };
    let own = all.into_iter().filter(|rotation| number(rotation).is_some());
    let is_final = |rotation: &RootRotation| {
        rotation.status.as_ref().is_some_and(|status| status.step.is_final())
    };
    Ok(own.max_by_key(number).filter(|newest| !is_final(newest)))
}

async fn of_mesh(session: &Session, mesh: Mesh) -> Result<Description, Failure> {
    let key = Key::of(&mesh);
    let trust: Option<MeshTrust> = optional(session, &key.namespace, &key.name).await?;
    let wanted = trust.as_ref().map(|trust| trust.spec.request.clone()).unwrap_or_default();
    let request: Option<Request> = optional(session, &key.namespace, &wanted).await?;
    let objects = [shown(&mesh), trust.as_ref().and_then(shown), request.as_ref().and_then(shown)];
    let sheet = mesh::sheet(&mesh, trust.as_ref(), request.as_ref(), clock::now());
    // What the hub and the agent have to say of a mesh, they say of its MeshTrust.
    let happened_to = [Some(mesh.metadata), trust.map(|trust| trust.metadata)];
    Ok(Description {
        sheet,
        objects: objects.into_iter().flatten().collect(),
        happened_to: happened_to.into_iter().flatten().collect(),
    })
}

/// Adds the events of some objects, the newest last. Events are a courtesy: without them the rest stands.
async fn add_events(session: &Session, objects: &[ObjectMeta], sheet: &mut Sheet) {
    sheet.heading("Events");
    let mut all = Vec::new();
    for object in objects {
        let (Some(uid), Some(namespace)) = (&object.uid, &object.namespace) else { continue };
        let api: Api<Event> = Api::namespaced(session.client.clone(), namespace);
        let of_object = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
        match retried(async || api.list(&of_object).await).await {
            Ok(events) => all.extend(events.items),
            Err(error) => sheet.line(format!("cannot be read: {error}")),
        }
    }
    if all.is_empty() {
        sheet.line("none");
    } else {
        sheet.table(events::table(all, clock::now()));
    }
}

/// An object for `-o json`, without the book-keeping of who wrote which field.
fn shown(object: &impl Serialize) -> Option<Value> {
    let mut value = serde_json::to_value(object).ok()?;
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Some(value)
}

const AFTER_HELP: &str = "\
Examples:
  meshroot describe vmcsr istio-istio-system-east.demo.1
  meshroot describe vm demo
  meshroot describe mesh meshroot-cluster-east/istio-istio-system-east";
