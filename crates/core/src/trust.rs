//! What a mesh is told to trust, and by which request.

use meshroot_api::MeshTrust;
use meshroot_api::names::RequestName;

use crate::membership::Key;

/// The request that a mesh's MeshTrust names, where that is one of this virtual mesh; the mesh's first one otherwise.
/// A mesh that has just come from another virtual mesh still has that one's request in its MeshTrust.
pub fn request_of(trust: Option<&MeshTrust>, mesh: &Key, virtual_mesh: &str) -> RequestName {
    trust
        .and_then(|trust| RequestName::parse(&trust.spec.request))
        .filter(|name| name.virtual_mesh == virtual_mesh)
        .unwrap_or_else(|| RequestName::first(&mesh.name, virtual_mesh))
}
