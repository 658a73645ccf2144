//! `--reason compromise`: a request of its own, of which nothing is taken over from what a cluster's agent wrote.

use kube::Api;
use kube::api::ListParams;
use meshroot_api::names::RequestName;
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_api::shared::ResourceRef;
use meshroot_api::{Mesh, Reason, VirtualMesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::identity;
use meshroot_core::membership::{Key, members};
use meshroot_runtime::kube::call::retried;

use super::{create, request};
use crate::failure::Failure;
use crate::session::{Scope, Session};
use crate::terminal::Terminal;

/// So many names may be taken by others while one is looked for.
const PATIENCE: usize = 8;

/// Creates the request that says so. `requests` and `recorded`: those that there are, and the names that the ledger knows.
pub(super) async fn report(
    session: &Session,
    mesh: &Key,
    virtual_mesh: Option<&str>,
    (requests, recorded): (&[Request], &[RequestName]),
    terminal: &mut Terminal,
) -> Result<RequestName, Failure> {
    let spec = spec(session, mesh, virtual_mesh, requests).await?;
    let is_taken = |name: &RequestName| {
        let name = name.to_string();
        requests.iter().any(|request| request.metadata.name.as_ref() == Some(&name))
    };
    let mut name = after(recorded, &RequestName::first(&mesh.name, &spec.virtual_mesh_ref.name));
    for _ in 0..PATIENCE {
        while is_taken(&name) && name.next() != name {
            name = name.next();
        }
        let asked = request(mesh, &name, spec.clone(), Reason::KeyCompromised);
        if create(session, &asked, terminal).await? {
            return Ok(name);
        }
        name = name.next();
    }
    Err(Failure::no(format!("the names of the next requests of mesh {} are taken", mesh.name))
        .see(format!("vmcsr in namespace {}", mesh.namespace))
        .fix("run it again"))
}

/// After all numbers that were decided on, which are what is to be revoked: not after those of requests, which an agent may
/// make as high as it likes.
fn after(recorded: &[RequestName], first: &RequestName) -> RequestName {
    let own = recorded
        .iter()
        .filter(|name| name.mesh == first.mesh && name.virtual_mesh == first.virtual_mesh);
    own.max_by_key(|name| name.generation).map_or_else(|| first.clone(), RequestName::next)
}

/// What the hub would ask for itself; for a mesh that is in no virtual mesh any more what was asked for last.
async fn spec(
    session: &Session,
    mesh: &Key,
    virtual_mesh: Option<&str>,
    requests: &[Request],
) -> Result<RequestSpec, Failure> {
    let of = |request: &&Request| {
        let name = request.metadata.name.as_deref().and_then(RequestName::parse);
        name.is_some_and(|name| {
            name.mesh == mesh.name && virtual_mesh.is_none_or(|asked| name.virtual_mesh == asked)
        })
    };
    let created = |request: &&Request| request.metadata.creation_timestamp.clone();
    let last = requests.iter().filter(of).max_by_key(created).map(|request| &request.spec);
    let member = member_of(session, mesh, virtual_mesh).await?;
    let api: Api<Mesh> = Api::namespaced(session.client.clone(), &mesh.namespace);
    let found = retried(async || api.get_opt(&mesh.name).await).await;
    let found = found.map_err(|error| Failure::api(&format!("read mesh {mesh}"), &error))?;
    let config = found.and_then(|found| identity::cert_config(&found).ok());
    let reference = member
        .map(|key| ResourceRef::new(&key.name, &key.namespace))
        .or_else(|| last.map(|last| last.virtual_mesh_ref.clone()));
    let config = config.or_else(|| last.map(|last| last.cert_config.clone()));
    match (reference, config) {
        (Some(virtual_mesh_ref), Some(cert_config)) => {
            Ok(RequestSpec { virtual_mesh_ref, cert_config, ..RequestSpec::default() })
        }
        _ => Err(Failure::no(format!(
            "mesh {} is in no virtual mesh and has no request: nothing was issued to it",
            mesh.name
        ))),
    }
}

/// The virtual mesh that has it among its members.
async fn member_of(
    session: &Session,
    mesh: &Key,
    named: Option<&str>,
) -> Result<Option<Key>, Failure> {
    let all: Vec<VirtualMesh> =
        session.list("list virtual meshes", &Scope::All, &ListParams::default()).await?;
    let is_it = |virtual_mesh: &&VirtualMesh| {
        named.is_none_or(|named| virtual_mesh.metadata.name.as_deref() == Some(named))
            && members(virtual_mesh).any(|member| member == *mesh)
    };
    Ok(all.iter().find(is_it).map(Key::of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_is_after_all_that_the_ledger_knows() {
        let first = RequestName::first("istio", "demo");
        assert_eq!(after(&[], &first), first);
        let named = |generation| RequestName { generation, ..first.clone() };
        let other = RequestName { generation: 90, ..RequestName::first("istio", "prod") };
        assert_eq!(after(&[named(3), other, named(7), named(2)], &first), named(8));
    }
}
