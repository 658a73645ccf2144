//! A virtual mesh: its root, and how far each member is.

use jiff::Timestamp;
use meshroot_api::names::RequestName;
use meshroot_api::policy::{RootPhase, RootStatus};
use meshroot_api::shared::Status;
use meshroot_api::trust::MeshTrust;
use meshroot_api::{TrustPolicy, VirtualMesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::findings::KEY_EXPOSED;
use meshroot_core::membership::Key;

use crate::{Sheet, Table, age, full_name};

/// One member as far as it can be seen.
pub struct Member {
    /// Its mesh.
    pub key: Key,
    /// Its newest request, as [`newest`] finds it.
    pub request: Option<Request>,
    /// What it should use and has loaded.
    pub trust: Option<MeshTrust>,
}

/// The newest request of a member of `virtual_mesh`.
pub fn newest(member: &Key, virtual_mesh: &str, all: Vec<Request>) -> Option<Request> {
    let generation = |request: &Request| {
        let name = RequestName::parse(request.metadata.name.as_deref()?)?;
        (name.mesh == member.name && name.virtual_mesh == virtual_mesh).then_some(name.generation)
    };
    all.into_iter().filter(|it| generation(it).is_some()).max_by_key(|it| generation(it))
}

/// A virtual mesh with its policy and members.
pub fn sheet(
    mesh: &VirtualMesh,
    policy: Option<&TrustPolicy>,
    members: &[Member],
    now: Timestamp,
) -> Sheet {
    let mut sheet = Sheet::default();
    let status = mesh.status.clone().unwrap_or_default();
    sheet.heading(format!("Virtual mesh {}", full_name(&mesh.metadata)));
    sheet.field("Called", &mesh.spec.display_name);
    sheet.fields("Config", &words(&status.config_status));
    sheet.fields("Certificates", &words(&status.certificate_status));
    let policy_status = policy.and_then(|policy| policy.status.clone()).unwrap_or_default();
    sheet.field("Waiting for", &policy_status.waiting_for);
    if let Some(since) = &policy_status.waiting_since {
        sheet.field("", format!("since {}", age::with_distance(since.0, now)));
    }
    if let Some(exposed) = policy_status.conditions.iter().find(|one| one.type_ == KEY_EXPOSED) {
        sheet.field("Exposed", &exposed.message);
    }
    sheet.heading("Roots");
    match policy_status.roots.as_slice() {
        [] if policy.is_none() => {
            sheet.line("not known: no TrustPolicy of this virtual mesh can be read");
        }
        [] => sheet.line("none yet"),
        roots => sheet.table(roots_table(roots, now)),
    }
    sheet.heading("Members");
    match members {
        [] => sheet.line("none: list Meshes under spec.meshes"),
        members => sheet.table(members_table(members, now)),
    }
    sheet
}

fn words(status: &Status) -> Vec<String> {
    vec![status.state.word().to_owned(), status.message.clone()]
}

fn roots_table(roots: &[RootStatus], now: Timestamp) -> Table {
    let mut table = Table::new(&["PHASE", "EXPIRES", "SUBJECT", "FINGERPRINT"]);
    for root in roots {
        let end = root.not_after.as_ref().map(|end| age::distance(end.0, now)).unwrap_or_default();
        table.push(vec![
            phase(root.phase).to_owned(),
            end,
            root.subject.clone(),
            root.fingerprint.clone(),
        ]);
    }
    table
}

fn phase(phase: RootPhase) -> &'static str {
    match phase {
        RootPhase::Prepared => "Prepared",
        RootPhase::Trusted => "Trusted",
        RootPhase::Signing => "Signing",
        RootPhase::Retiring => "Retiring",
        RootPhase::Removed => "Removed",
    }
}

fn members_table(members: &[Member], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["MESH", "REQUEST", "STATE", "PICKUP", "EXPIRES", "ROOTS", "MESSAGE"]);
    for member in members {
        table.push(member_row(member, now));
    }
    table
}

fn member_row(member: &Member, now: Timestamp) -> Vec<String> {
    let status = member.request.as_ref().map(|request| request.status_or_default().computed_status);
    let trust = member.trust.as_ref().and_then(|trust| trust.status.clone()).unwrap_or_default();
    let loaded = trust.loaded.unwrap_or_default();
    // What the control plane says is newer than what the hub said when it issued.
    let messages =
        [trust.message, status.as_ref().map(|status| status.message.clone()).unwrap_or_default()];
    vec![
        format!("{}/{}", member.key.namespace, member.key.name),
        member
            .request
            .as_ref()
            .and_then(|request| request.metadata.name.clone())
            .unwrap_or_default(),
        status.map_or("no request yet", |status| status.state.word()).to_owned(),
        trust.pickup.word().to_owned(),
        loaded.not_after.as_ref().map(|end| age::distance(end.0, now)).unwrap_or_default(),
        loaded
            .roots
            .iter()
            .map(|root| root.chars().take(16).collect::<String>())
            .collect::<Vec<_>>()
            .join(","),
        messages.into_iter().find(|message| !message.is_empty()).unwrap_or_default(),
    ]
}
