//! A mesh: what it should use, what it has loaded.

use jiff::Timestamp;
use meshroot_api::trust::MeshTrust;
use meshroot_api::{Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::identity;
use meshroot_pki::parse_bundle;

use crate::{Sheet, age, full_name};

/// What a mesh is, should use and has loaded; `request` is the one that `trust` names.
pub fn sheet(
    mesh: &Mesh,
    trust: Option<&MeshTrust>,
    request: Option<&Request>,
    now: Timestamp,
) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.heading(format!("Mesh {}", full_name(&mesh.metadata)));
    sheet.field(
        "Type",
        mesh.spec.mesh_type().map_or("unknown", meshroot_api::shared::MeshType::word),
    );
    sheet.field("Cluster", &mesh.spec.cluster.name);
    sheet.field("Trust domain", identity::trust_domain(&mesh.spec));
    sheet.field("Identity", identity::of(&mesh.spec).unwrap_or_default());
    let Some(trust) = trust else {
        sheet.heading("Trust");
        sheet
            .line("none: the mesh is in no virtual mesh, or its virtual mesh says what is missing");
        return sheet;
    };
    wanted(&mut sheet, trust, request);
    loaded(&mut sheet, trust, now);
    sheet
}

fn wanted(sheet: &mut Sheet, trust: &MeshTrust, request: Option<&Request>) {
    sheet.heading("What it should use");
    sheet.field("Request", &trust.spec.request);
    if let Some(request) = request {
        let status = request.status_or_default().computed_status;
        sheet.field("State", status.state.word());
        sheet.field("", status.message);
    }
    sheet.field("Next key", trust.spec.key.word());
    let anchors = parse_bundle(trust.spec.trust_anchors.as_bytes()).unwrap_or_default();
    let anchor =
        |root: &meshroot_pki::Certificate| format!("{} {}", root.subject(), root.fingerprint());
    sheet.fields("Roots", &anchors.iter().map(anchor).collect::<Vec<_>>());
}

fn loaded(sheet: &mut Sheet, trust: &MeshTrust, now: Timestamp) {
    let status = trust.status.clone().unwrap_or_default();
    sheet.heading("What it has loaded");
    sheet.field("Pickup", status.pickup.word());
    sheet.field("", status.message);
    if let Some(since) = status.since {
        sheet.field("Since", age::with_distance(since.0, now));
    }
    sheet.field(
        "Seen by",
        status.witness.map(meshroot_api::trust::Witness::word).unwrap_or_default(),
    );
    sheet.field("Installed", status.installed.unwrap_or_default());
    sheet.field("Agent", status.agent_version);
    let Some(loaded) = status.loaded else { return };
    sheet.field("Loaded", loaded.request);
    sheet.field("Serial", loaded.serial);
    sheet.field("Fingerprint", loaded.fingerprint);
    if let Some(end) = loaded.not_after {
        sheet.field("Expires", age::with_distance(end.0, now));
    }
    sheet.fields("Roots", &loaded.roots);
}
