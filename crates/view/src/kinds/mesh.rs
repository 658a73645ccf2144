//! Columns of meshes, of what they have loaded, and of clusters.

use meshroot_api::discovery::MeshInstallation;
use meshroot_api::trust::{Loaded, MeshTrustStatus};
use meshroot_api::{KubernetesCluster, Mesh, MeshTrust};

use super::columns::{Column, age_of, column, until, wide};

pub(super) const MESH: &[Column<Mesh>] = &[
    column("TYPE", |mesh, _| {
        mesh.spec.mesh_type().map(|kind| kind.word().to_owned()).unwrap_or_default()
    }),
    column("CLUSTER", |mesh, _| mesh.spec.cluster.name.clone()),
    column("VERSION", |mesh, _| {
        installation(mesh).map(|it| it.version.clone()).unwrap_or_default()
    }),
    column("TRUST-DOMAIN", |mesh, _| trust_domain(mesh)),
    wide("INSTALLED-IN", |mesh, _| {
        installation(mesh).map(|it| it.installation_namespace.clone()).unwrap_or_default()
    }),
    column("AGE", age_of),
];

pub(super) const MESH_TRUST: &[Column<MeshTrust>] = &[
    column("REQUEST", |trust, _| trust.spec.request.clone()),
    column("PICKUP", |trust, _| status(trust).pickup.word().to_owned()),
    column("EXPIRES", |trust, now| until(loaded(trust).not_after.as_ref(), now)),
    column("WITNESS", |trust, _| {
        status(trust).witness.map(|it| it.word().to_owned()).unwrap_or_default()
    }),
    wide("INSTALLED", |trust, _| status(trust).installed.unwrap_or_default()),
    wide("SERIAL", |trust, _| loaded(trust).serial),
    wide("ROOTS", |trust, _| {
        loaded(trust).roots.iter().map(|root| short(root)).collect::<Vec<_>>().join(",")
    }),
    wide("AGENT", |trust, _| status(trust).agent_version),
    column("AGE", age_of),
    column("MESSAGE", |trust, _| status(trust).message),
];

pub(super) const CLUSTER: &[Column<KubernetesCluster>] = &[
    column("VERSION", |cluster, _| cluster.spec.version.clone()),
    column("CLOUD", |cluster, _| cluster.spec.cloud.clone()),
    column("AGE", age_of),
    wide("WRITES-TO", |cluster, _| cluster.spec.write_namespace.clone()),
    wide("KUBECONFIG", |cluster, _| cluster.spec.secret_ref.to_string()),
];

/// The trust domain, as the mesh itself defaults it.
pub(super) fn trust_domain(mesh: &Mesh) -> String {
    let stated = match (&mesh.spec.istio, &mesh.spec.linkerd) {
        (Some(istio), _) => &istio.citadel_info.trust_domain,
        (None, Some(linkerd)) => &linkerd.cluster_domain,
        (None, None) => return String::new(),
    };
    if stated.is_empty() { "cluster.local".to_owned() } else { stated.clone() }
}

fn installation(mesh: &Mesh) -> Option<&MeshInstallation> {
    let istio = mesh.spec.istio.as_ref().map(|mesh| &mesh.installation);
    let linkerd = mesh.spec.linkerd.as_ref().map(|mesh| &mesh.installation);
    istio.or(linkerd).or(mesh.spec.consul_connect.as_ref().map(|mesh| &mesh.installation))
}

fn status(trust: &MeshTrust) -> MeshTrustStatus {
    trust.status.clone().unwrap_or_default()
}

fn loaded(trust: &MeshTrust) -> Loaded {
    status(trust).loaded.unwrap_or_default()
}

fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}
