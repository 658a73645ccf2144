//! Where the root of a virtual mesh is kept, who may use it, and what is said when it is missing.

use meshroot_api::{Reason, names};
use meshroot_core::Refusal;
use meshroot_core::membership::Key;

/// Where a root comes from; each with the place of its Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The hub made it, or makes it where there never was one.
    Builtin(Key),
    /// A company brings it.
    Provided(Key),
    /// An earlier Service Mesh Hub left it.
    Earlier(Key),
}

impl Source {
    /// A virtual mesh beside the hub has the name that the original system gave; those of other namespaces carry it in
    /// front.
    pub(super) fn builtin(virtual_mesh: &Key, hub_namespace: &str) -> Self {
        let name = names::root_secret(&virtual_mesh.name);
        let name = if virtual_mesh.namespace == hub_namespace {
            name
        } else {
            format!("{}.{name}", virtual_mesh.namespace)
        };
        Self::Builtin(Key::new(hub_namespace, name))
    }

    /// A further root of a virtual mesh. The name of a virtual mesh has no dot, so that no other has a root of that name.
    pub(super) fn further(virtual_mesh: &Key, hub_namespace: &str, number: u32) -> Self {
        let first = Self::builtin(virtual_mesh, hub_namespace);
        Self::Builtin(Key::new(hub_namespace, format!("{}.{number}", first.place().name)))
    }

    /// Where the cross-certificate of a root is kept.
    pub(super) fn cross(&self) -> Key {
        let place = self.place();
        Key::new(&place.namespace, format!("{}.cross", place.name))
    }

    /// Where an earlier Service Mesh Hub kept the root of a virtual mesh of this name.
    pub(super) fn earlier(virtual_mesh: &Key) -> Self {
        let name = names::root_secret(&virtual_mesh.name);
        Self::Earlier(Key::new(names::EARLIER_NAMESPACE, name))
    }

    /// The Secret's namespace and name.
    pub(super) fn place(&self) -> &Key {
        let (Self::Builtin(place) | Self::Provided(place) | Self::Earlier(place)) = self;
        place
    }

    /// Whether a virtual mesh may use the root, whose Secret names `owner`.
    ///
    /// Who may write a VirtualMesh in one namespace must not sign with what the hub can read in another. So a Secret
    /// serves the virtual mesh that its annotation names; without one, those of its own namespace; and what an earlier
    /// installation left for a virtual mesh, that of the hub's namespace.
    pub(super) fn check_owner(
        &self,
        owner: Option<&str>,
        virtual_mesh: &Key,
        hub_namespace: &str,
    ) -> Result<(), Refusal> {
        let place = self.place();
        let is_earlier = *place == *Self::earlier(virtual_mesh).place();
        let left_for_it = is_earlier && virtual_mesh.namespace == hub_namespace;
        let why = match owner {
            Some(owner) if *owner == virtual_mesh.to_string() => return Ok(()),
            Some(owner) => format!("is the root of VirtualMesh {owner}"),
            None if place.namespace == virtual_mesh.namespace || left_for_it => return Ok(()),
            None => "is in another namespace than the VirtualMesh".to_owned(),
        };
        let message = format!(
            "Secret {place} {why}; use another one, or, if {virtual_mesh} may sign with it: kubectl -n {} annotate secret {} \
             --overwrite {}={virtual_mesh}",
            place.namespace,
            place.name,
            names::VIRTUAL_MESH_ANNOTATION
        );
        Err(Refusal::new(Reason::RootSecretInvalid, message))
    }

    /// The Secret should be there and is not.
    pub(super) fn missing(&self) -> Refusal {
        let fix = match self {
            Self::Builtin(_) => {
                "it was there before: restore it from a backup; a new root is never made in its place"
            }
            Self::Provided(_) => "create it with root-cert.pem and key.pem",
            Self::Earlier(_) => "spec.root.earlier of the TrustPolicy says Use: put it back",
        };
        let message = format!("Secret {} does not exist; {fix}", self.place());
        Refusal::new(Reason::RootSecretMissing, message)
    }

    /// The Secret is there and nobody has said whether to use it.
    pub(super) fn question(&self) -> Refusal {
        let message = format!(
            "Secret {} holds the root of an earlier Service Mesh Hub; set spec.root.earlier of the TrustPolicy to Use \
             to go on with it, or to Ignore to make a new root",
            self.place()
        );
        Refusal::new(Reason::EarlierRootFound, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "meshroot-system";

    fn beside_hub() -> Key {
        Key::new(HUB, "demo")
    }

    fn elsewhere() -> Key {
        Key::new("team", "demo")
    }

    #[test]
    fn a_builtin_root_is_kept_beside_the_hub_under_a_name_of_its_own() {
        let place = |virtual_mesh| Source::builtin(&virtual_mesh, HUB).place().to_string();
        assert_eq!(place(beside_hub()), "meshroot-system/demo-ca-certs");
        assert_eq!(place(elsewhere()), "meshroot-system/team.demo-ca-certs");
    }

    #[test]
    fn a_root_serves_whom_it_names_and_without_a_name_its_neighbours() {
        let provided = |namespace: &str| Source::Provided(Key::new(namespace, "company"));
        let earlier = Source::earlier(&beside_hub());
        let named = Source::Provided(earlier.place().clone());
        let cases = [
            (provided(HUB), None, beside_hub(), true),
            (provided("team"), None, elsewhere(), true),
            (provided(HUB), None, elsewhere(), false),
            (provided(HUB), Some("team/demo"), elsewhere(), true),
            (provided(HUB), Some("team/demo"), beside_hub(), false),
            (Source::builtin(&elsewhere(), HUB), Some("team/demo"), elsewhere(), true),
            (earlier.clone(), None, beside_hub(), true),
            (earlier.clone(), None, elsewhere(), false),
            (named, None, beside_hub(), true),
        ];
        for (source, owner, virtual_mesh, may) in cases {
            let checked = source.check_owner(owner, &virtual_mesh, HUB);
            assert_eq!(checked.is_ok(), may, "{source:?} {owner:?} {virtual_mesh}");
            if let Err(refusal) = checked {
                assert_eq!(refusal.reason, Reason::RootSecretInvalid);
                let command = format!("meshroot.dev/virtual-mesh={virtual_mesh}");
                assert!(refusal.message.ends_with(&command), "{}", refusal.message);
            }
        }
    }

    #[test]
    fn what_is_said_of_a_missing_root_says_what_to_do() {
        let cases = [
            (Source::builtin(&beside_hub(), HUB), "restore it from a backup"),
            (Source::Provided(beside_hub()), "create it with root-cert.pem and key.pem"),
            (Source::earlier(&beside_hub()), "says Use: put it back"),
        ];
        for (source, part) in cases {
            let refusal = source.missing();
            assert_eq!(refusal.reason, Reason::RootSecretMissing);
            assert!(refusal.message.contains(part), "{}", refusal.message);
        }
    }
}
