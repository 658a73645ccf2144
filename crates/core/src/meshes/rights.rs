//! What an agent may do in its cluster for a type of mesh.

/// Rights of an agent, beside those that it needs whatever the mesh is.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// In its own namespace.
    pub own_namespace: &'static [Right],
    /// In each namespace of a control plane.
    pub mesh_namespace: &'static [Right],
}

impl Rights {
    /// None.
    pub(super) const NONE: Self = Self { own_namespace: &[], mesh_namespace: &[] };
}

/// Verbs on resources of one API group.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// The group, empty for the core one.
    pub group: &'static str,
    /// The resource, or `resource/subresource`.
    pub resource: &'static str,
    /// On the objects of these names only, where there are any.
    pub names: &'static [&'static str],
    /// What may be done.
    pub verbs: &'static [&'static str],
}
