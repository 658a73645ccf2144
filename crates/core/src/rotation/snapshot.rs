//! What a rotation is read from.

use jiff::Timestamp;
use meshroot_api::RootRotation;

use super::catalog::OwnRoot;
use super::told::View;
use crate::membership::Key;

/// All that is looked at.
pub struct Snapshot<'a> {
    /// The virtual mesh.
    pub virtual_mesh: &'a Key,
    /// The virtual mesh's roots, by number.
    pub roots: &'a [OwnRoot],
    /// The highest number of a root that members may be told of; one that waits for its cross-certificate is not.
    pub ready: u32,
    /// The request for the root with the highest number, if that is still there.
    pub rotation: Option<&'a RootRotation>,
    /// The meshes that the virtual mesh names.
    pub named: &'a [Key],
    /// Those of them that have a Mesh.
    pub members: &'a [View<'a>],
    /// The hub's clock.
    pub now: Timestamp,
}
