//! A mesh: what it should use, what it has loaded.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::trust::{MeshTrust, OwnAuthority};
use meshroot_api::{Mesh, VirtualMeshCertificateSigningRequest as Request, names};
use meshroot_core::identity;
use meshroot_core::rotation::settling;
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
    let own = own_authority(mesh);
    if let Some(own) = &own {
        own_sheet(&mut sheet, own, now);
    }
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

fn own_authority(mesh: &Mesh) -> Option<OwnAuthority> {
    let annotations = mesh.metadata.annotations.as_ref()?;
    serde_json::from_str(annotations.get(names::OWN_AUTHORITY_ANNOTATION)?).ok()
}

/// What taking the mesh over will do, before it is done.
fn own_sheet(sheet: &mut Sheet, own: &OwnAuthority, now: Timestamp) {
    sheet.heading("A CA of its own");
    sheet.field("Signs with", &own.subject);
    sheet.field(
        "Made by",
        if own.self_signed { "the control plane itself" } else { "somebody, in its CA Secret" },
    );
    sheet.field("Expires", age::with_distance(own.not_after.0, now));
    let wait = settling(SignedDuration::from_secs(own.leaf_lifetime_seconds));
    let wait = age::short(wait);
    let restart = |is_needed| if is_needed { "one restart, then" } else { "no restart, then" };
    let (first, last) = (own.self_signed || !own.anchors_live, !own.anchors_live);
    let allowed = if own.self_signed {
        "once it is in a virtual mesh, in three steps; no workload refuses another one:"
    } else {
        "once it is in a virtual mesh whose TrustPolicy has spec.adopt: Always, in three steps; no workload refuses \
         another one:"
    };
    let steps = [
        allowed.to_owned(),
        format!("1. this CA goes on, and its workloads come to trust the virtual mesh too: {} {wait}", restart(first)),
        format!("2. it signs with the virtual mesh's certificate: {} {wait}", restart(false)),
        format!("3. it trusts nothing but the virtual mesh: {} {wait}", restart(last)),
        "With spec.adopt: AtOnce in one step; workloads of before and after it refuse each other until all have renewed"
            .to_owned(),
    ];
    sheet.fields("Taken over", &steps);
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
    if let Some(put_back) = status.put_back {
        sheet.field("Put back", age::with_distance(put_back.time.0, now));
        sheet.field("", put_back.message);
    }
    let Some(loaded) = status.loaded else { return };
    sheet.field("Loaded", loaded.request);
    sheet.field("Serial", loaded.serial);
    sheet.field("Fingerprint", loaded.fingerprint);
    if let Some(end) = loaded.not_after {
        sheet.field("Expires", age::with_distance(end.0, now));
    }
    sheet.fields("Roots", &loaded.roots);
}
