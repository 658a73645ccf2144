//! Columns of virtual meshes and their policies.

use meshroot_api::policy::{Adopt, ApprovalMode, Restart, TrustPolicyStatus};
use meshroot_api::rotation::RootRotationStatus;
use meshroot_api::{RootRotation, TrustPolicy, VirtualMesh};
use meshroot_core::findings::READY;

use super::columns::{Column, age_of, column, wide};

pub(super) const VIRTUAL_MESH: &[Column<VirtualMesh>] = &[
    column("MEMBERS", |mesh, _| mesh.spec.meshes.len().to_string()),
    column("CERTIFICATES", |mesh, _| status(mesh).certificate_status.state.word().to_owned()),
    column("CONFIG", |mesh, _| status(mesh).config_status.state.word().to_owned()),
    wide("ROOT", |mesh, _| match &mesh.spec.certificate_authority.provided {
        Some(provided) => format!("provided {}", provided.certificate),
        None => "builtin".to_owned(),
    }),
    column("AGE", age_of),
    column("MESSAGE", |mesh, _| {
        let status = status(mesh);
        let config = status.config_status;
        // What is wrong with the spec comes before what is so with the certificates.
        if config.state == meshroot_api::shared::State::Accepted || config.message.is_empty() {
            status.certificate_status.message
        } else {
            config.message
        }
    }),
];

pub(super) const TRUST_POLICY: &[Column<TrustPolicy>] = &[
    column("VIRTUAL-MESH", |policy, _| policy.spec.virtual_mesh_ref.name.clone()),
    column("APPROVAL", |policy, _| match policy.spec.approval.mode {
        ApprovalMode::Automatic => "Automatic".to_owned(),
        ApprovalMode::ThirdParty => "ThirdParty".to_owned(),
    }),
    column("MEMBERS", |policy, _| policy_status(policy).members.to_string()),
    column("ISSUED", |policy, _| policy_status(policy).issued.to_string()),
    column("LOADED", |policy, _| policy_status(policy).loaded.to_string()),
    column("READY", |policy, _| {
        let conditions = policy_status(policy).conditions;
        conditions
            .into_iter()
            .find(|one| one.type_ == READY)
            .map(|one| one.status)
            .unwrap_or_default()
    }),
    wide("KEY", |policy, _| policy.spec.intermediate.key.word().to_owned()),
    wide("ADOPT", |policy, _| match policy.spec.adopt {
        Adopt::Never => "Never".to_owned(),
        Adopt::Always => "Always".to_owned(),
        Adopt::AtOnce => "AtOnce".to_owned(),
    }),
    wide("RESTART", |policy, _| match policy.spec.restart {
        Restart::Manual => "Manual".to_owned(),
        Restart::Automatic => "Automatic".to_owned(),
    }),
    column("AGE", age_of),
    column("WAITING-FOR", |policy, _| policy_status(policy).waiting_for),
];

pub(super) const ROOT_ROTATION: &[Column<RootRotation>] = &[
    column("VIRTUAL-MESH", |rotation, _| rotation.spec.virtual_mesh_ref.name.clone()),
    column("STEP", |rotation, _| rotation_status(rotation).step.word().to_owned()),
    wide("STRATEGY", |rotation, _| rotation.spec.strategy.word().to_owned()),
    wide("GATE", |rotation, _| rotation.spec.gate.word().to_owned()),
    column("AGE", age_of),
    column("WAITING-FOR", |rotation, _| rotation_status(rotation).waiting_for),
];

fn rotation_status(rotation: &RootRotation) -> RootRotationStatus {
    rotation.status.clone().unwrap_or_default()
}

fn status(mesh: &VirtualMesh) -> meshroot_api::networking::VirtualMeshStatus {
    mesh.status.clone().unwrap_or_default()
}

fn policy_status(policy: &TrustPolicy) -> TrustPolicyStatus {
    policy.status.clone().unwrap_or_default()
}
