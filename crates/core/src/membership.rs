//! Which mesh is in which virtual mesh, and whether a virtual mesh can be worked with.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::names;
use meshroot_api::shared::ResourceRef;
use meshroot_api::{Reason, TrustPolicy, VirtualMesh};

use crate::refusal::Refusal;

/// Namespace and name of an object of the hub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// A key from its parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object.
    pub fn of<K: kube::Resource>(object: &K) -> Self {
        let meta = object.meta();
        Self::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
    }

    /// The object that a virtual mesh (or a request) in `namespace` refers to: an empty namespace means the
    /// cluster's where a cluster is named, else the referring object's own.
    pub fn resolve(reference: &ResourceRef, namespace: &str) -> Self {
        let resolved = match (reference.namespace.as_str(), reference.cluster.as_str()) {
            ("", "") => namespace.to_owned(),
            ("", cluster) => names::cluster_namespace(cluster),
            (given, _) => given.to_owned(),
        };
        Self::new(resolved, &reference.name)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The virtual mesh of every mesh that is a member of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    of: BTreeMap<Key, Key>,
}

impl Membership {
    /// Reads the members of all virtual meshes. Those that are being deleted count no more.
    ///
    /// A mesh that several name is in the one that had it first: the one that it has its requests of, which
    /// `requests_of` tells, else the one that was created first. What the others say changes nothing for it.
    pub fn read<'a>(
        virtual_meshes: impl IntoIterator<Item = &'a VirtualMesh>,
        requests_of: impl Fn(&Key) -> Option<Key>,
    ) -> Self {
        let mut claims: BTreeMap<Key, Vec<Claim>> = BTreeMap::new();
        for virtual_mesh in virtual_meshes {
            if virtual_mesh.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let created = virtual_mesh.metadata.creation_timestamp.clone();
            let claim = Claim { created, virtual_mesh: Key::of(virtual_mesh) };
            for member in members(virtual_mesh) {
                claims.entry(member).or_default().push(claim.clone());
            }
        }
        let first = |mesh: &Key, mut claims: Vec<Claim>| {
            let holder = if claims.len() > 1 { requests_of(mesh) } else { None };
            claims
                .sort_by_key(|claim| (Some(&claim.virtual_mesh) != holder.as_ref(), claim.clone()));
            claims.into_iter().next().map(|claim| claim.virtual_mesh)
        };
        let of = claims
            .into_iter()
            .filter_map(|(mesh, claims)| Some((mesh.clone(), first(&mesh, claims)?)));
        Self { of: of.collect() }
    }

    /// The virtual mesh of a mesh; `None` where it is in none.
    pub fn virtual_mesh(&self, mesh: &Key) -> Option<&Key> {
        self.of.get(mesh)
    }

    /// Whether a mesh is in this virtual mesh, which names it; an error where another one had it first.
    pub fn check(&self, mesh: &Key, virtual_mesh: &Key) -> Result<(), Refusal> {
        match self.virtual_mesh(mesh) {
            Some(first) if first != virtual_mesh => Err(in_another(mesh, virtual_mesh, first)),
            _ => Ok(()),
        }
    }
}

/// What says that a mesh is in a virtual mesh: the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    created: Option<Time>,
    virtual_mesh: Key,
}

/// The members of a virtual mesh.
pub fn members(virtual_mesh: &VirtualMesh) -> impl Iterator<Item = Key> {
    let namespace = virtual_mesh.metadata.namespace.as_deref().unwrap_or_default();
    virtual_mesh.spec.meshes.iter().map(|reference| Key::resolve(reference, namespace))
}

/// The policy of a virtual mesh: the only one beside it, in its namespace, whose `virtualMeshRef` names it. Several are
/// an error; one in another namespace governs nothing.
pub fn policy<P: Borrow<TrustPolicy>>(
    all: impl IntoIterator<Item = P>,
    virtual_mesh: &Key,
) -> Result<Option<P>, Refusal> {
    let mut of_it = all.into_iter().filter(|policy| {
        let policy: &TrustPolicy = policy.borrow();
        let namespace = policy.metadata.namespace.as_deref().unwrap_or_default();
        policy.metadata.deletion_timestamp.is_none()
            && namespace == virtual_mesh.namespace
            && Key::resolve(&policy.spec.virtual_mesh_ref, namespace) == *virtual_mesh
    });
    match (of_it.next(), of_it.next()) {
        (Some(one), Some(two)) => {
            let message = format!(
                "TrustPolicies {} and {} are both for VirtualMesh {virtual_mesh}; delete one of them",
                Key::of(one.borrow()),
                Key::of(two.borrow())
            );
            Err(Refusal::new(Reason::SpecInvalid, message))
        }
        (one, _) => Ok(one),
    }
}

/// Whether a virtual mesh without a policy may have one with defaults. One that was worked on had a policy, by default
/// or by hand: making a default one in the place of one that is gone could approve what was waiting for a person.
///
/// `has_past`: there is a request, a record or a MeshTrust of it, or of one of its name that is gone.
pub fn check_never_had_policy(virtual_mesh: &VirtualMesh, has_past: bool) -> Result<(), Refusal> {
    if virtual_mesh.status.is_none() && !has_past {
        return Ok(());
    }
    let key = Key::of(virtual_mesh);
    let message = format!(
        "the TrustPolicy of VirtualMesh {key} is gone and with it who approves; create it again (spec.virtualMeshRef: \
         {{name: {}, namespace: {}}}): nothing is signed before",
        key.name, key.namespace
    );
    Err(Refusal::new(Reason::PolicyMissing, message))
}

/// What stands in the way of working with a virtual mesh: its own specification. What is wrong with one member is that
/// member's: [`check_member`].
pub fn validate(virtual_mesh: &VirtualMesh) -> Result<(), Refusal> {
    let spec = &virtual_mesh.spec;
    if let Some(name) = virtual_mesh.metadata.name.as_deref().filter(|name| name.contains('.')) {
        let message = format!(
            "metadata.name: {name} holds a dot, which parts the names of requests; choose a name without"
        );
        return Err(Refusal::new(Reason::SpecInvalid, message));
    }
    if spec.limited.is_some() {
        let message = "spec.limited: limited trust is not supported, members share one root; set spec.shared: {} instead";
        return Err(Refusal::new(Reason::LimitedTrustUnsupported, message));
    }
    if spec.enforce_access_control.is_enabled() {
        let message = "spec.enforceAccessControl: Meshroot manages trust, not access control; remove the field and use the mesh's own policies";
        return Err(Refusal::new(Reason::AccessControlUnsupported, message));
    }
    if let Some(builtin) = &spec.certificate_authority.builtin {
        validate_builtin(builtin)?;
    }
    validate_provided(virtual_mesh)
}

/// What stands in the way of one member's first certificate. `exists`: there is such a mesh.
pub fn check_member(
    mesh: &Key,
    virtual_mesh: &Key,
    membership: &Membership,
    exists: bool,
) -> Result<(), Refusal> {
    if !exists {
        let message =
            format!("spec.meshes: there is no Mesh {mesh}; create it, or remove it from the list");
        return Err(Refusal::new(Reason::MeshMissing, message));
    }
    membership.check(mesh, virtual_mesh)?;
    let together = mesh.name.len() + virtual_mesh.name.len();
    if together <= LONGEST_NAMES {
        return Ok(());
    }
    let message = format!(
        "spec.meshes: the names of Mesh {mesh} and of the VirtualMesh have {together} characters together, and at most \
         {LONGEST_NAMES} go into the name of a request (MESH.VIRTUALMESH.NUMBER); give one of them a shorter name"
    );
    Err(Refusal::new(Reason::SpecInvalid, message))
}

/// The name of a Secret has at most 253 characters (RFC 1123 subdomain); two dots, ten digits and `-key` are ours.
const LONGEST_NAMES: usize = 253 - 2 - 10 - 4;

fn validate_builtin(builtin: &meshroot_api::networking::Builtin) -> Result<(), Refusal> {
    let bits = builtin.rsa_key_size_bytes;
    if ![0, 3072, 4096].contains(&bits) {
        let message = format!(
            "spec.certificateAuthority.builtin.rsaKeySizeBytes: {bits} (it means bits) is not 3072 or 4096; \
             for an elliptic curve set spec.root.key of the TrustPolicy"
        );
        return Err(Refusal::new(Reason::SpecInvalid, message));
    }
    if builtin.ttl_days > 3650 {
        let message = format!(
            "spec.certificateAuthority.builtin.ttlDays: {} is more than 3650",
            builtin.ttl_days
        );
        return Err(Refusal::new(Reason::SpecInvalid, message));
    }
    Ok(())
}

fn validate_provided(virtual_mesh: &VirtualMesh) -> Result<(), Refusal> {
    match &virtual_mesh.spec.certificate_authority.provided {
        Some(provided) if provided.certificate.name.is_empty() => Err(Refusal::new(
            Reason::SpecInvalid,
            "spec.certificateAuthority.provided.certificate.name: is empty; name the Secret that holds the root",
        )),
        _ => Ok(()),
    }
}

fn in_another(mesh: &Key, virtual_mesh: &Key, first: &Key) -> Refusal {
    let message = format!(
        "spec.meshes: Mesh {mesh} is in VirtualMesh {first}, which had it first, and a mesh may be in one only: remove it \
         from {virtual_mesh}, or from {first} to have it move"
    );
    Refusal::new(Reason::MeshInTwoVirtualMeshes, message)
}

/// The first of them by name, for a sentence; `None` where there are none.
pub fn named<'a>(all: impl Iterator<Item = &'a Key>) -> Option<String> {
    let names: Vec<String> = all.map(ToString::to_string).collect();
    match names.as_slice() {
        [] => None,
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            Some(format!("{first}, {second}, {third} and {} more", rest.len()))
        }
        all => Some(all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshroot_api::networking::{
        Builtin, Empty, EnforceAccessControl, Provided, VirtualMeshSpec,
    };

    type Change = Box<dyn Fn(&mut VirtualMeshSpec)>;

    fn virtual_mesh(name: &str, change: impl FnOnce(&mut VirtualMeshSpec)) -> VirtualMesh {
        let mut spec = VirtualMeshSpec {
            meshes: vec![ResourceRef::new("istio-istio-system-east", "meshroot-cluster-east")],
            ..Default::default()
        };
        change(&mut spec);
        let mut made = VirtualMesh::new(name, spec);
        made.metadata.namespace = Some("meshroot-system".into());
        made
    }

    fn read(all: &[&VirtualMesh]) -> Membership {
        Membership::read(all.iter().copied(), |_| None)
    }

    fn key(name: &str) -> Key {
        Key::new("meshroot-system", name)
    }

    fn east() -> Key {
        Key::new("meshroot-cluster-east", "istio-istio-system-east")
    }

    #[test]
    fn a_plain_virtual_mesh_is_valid_and_so_is_its_member() {
        let plain = virtual_mesh("demo", |_| ());
        assert_eq!(validate(&plain), Ok(()));
        assert_eq!(check_member(&east(), &key("demo"), &read(&[&plain]), true), Ok(()));
    }

    fn created(name: &str, second: i64) -> VirtualMesh {
        let mut made = virtual_mesh(name, |_| ());
        made.metadata.creation_timestamp = jiff::Timestamp::from_second(second).ok().map(Time);
        made
    }

    #[test]
    fn a_mesh_that_two_virtual_meshes_name_is_in_the_older_one_and_only_the_other_is_told() {
        let (older, younger) = (created("z", 1), created("a", 2));
        let membership = read(&[&younger, &older]);
        assert_eq!(membership.virtual_mesh(&east()), Some(&key("z")));
        assert_eq!(check_member(&east(), &key("z"), &membership, true), Ok(()));
        let refused = check_member(&east(), &key("a"), &membership, true).unwrap_err();
        assert_eq!(refused.reason, Reason::MeshInTwoVirtualMeshes);
        let says = "is in VirtualMesh meshroot-system/z, which had it first";
        assert!(refused.message.contains(says), "{}", refused.message);
        assert_eq!(validate(&younger), Ok(()), "it is the member's fault");
    }

    #[test]
    fn a_mesh_stays_where_it_has_its_requests_though_an_older_virtual_mesh_names_it_later() {
        let (older, younger) = (created("a", 1), created("b", 2));
        let has = |_: &Key| Some(key("b"));
        let membership = Membership::read([&older, &younger], has);
        assert_eq!(membership.virtual_mesh(&east()), Some(&key("b")));
        let alone = Membership::read([&older], has);
        assert_eq!(alone.virtual_mesh(&east()), Some(&key("a")), "the other has let it go");
    }

    fn trust_policy(name: &str, virtual_mesh: &str) -> TrustPolicy {
        let reference = ResourceRef::new(virtual_mesh, "");
        let spec = meshroot_api::policy::TrustPolicySpec {
            virtual_mesh_ref: reference,
            ..Default::default()
        };
        let mut made = TrustPolicy::new(name, spec);
        made.metadata.namespace = Some("meshroot-system".into());
        made
    }

    #[test]
    fn the_policy_of_a_virtual_mesh_is_the_only_one_that_names_it() {
        let (a, b, other) =
            (trust_policy("a", "demo"), trust_policy("b", "demo"), trust_policy("c", "other"));
        let mut deleted = trust_policy("d", "demo");
        deleted.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        let demo = Key::new("meshroot-system", "demo");
        let mut elsewhere = trust_policy("e", "demo");
        elsewhere.metadata.namespace = Some("team".into());
        elsewhere.spec.virtual_mesh_ref.namespace = "meshroot-system".into();
        assert_eq!(policy([&other, &deleted, &elsewhere], &demo), Ok(None));
        assert_eq!(policy([&other, &deleted, &a], &demo), Ok(Some(&a)));
        let refused = policy([&a, &other, &b], &demo).unwrap_err();
        assert_eq!(refused.reason, Reason::SpecInvalid);
        let both = "meshroot-system/a and meshroot-system/b";
        assert!(refused.message.contains(both), "{}", refused.message);
    }

    #[test]
    fn a_policy_with_defaults_is_made_only_where_there_never_was_one() {
        let mut virtual_mesh = virtual_mesh("demo", |_| ());
        assert_eq!(check_never_had_policy(&virtual_mesh, false), Ok(()));
        let refused = check_never_had_policy(&virtual_mesh, true).unwrap_err();
        assert_eq!(refused.reason, Reason::PolicyMissing);
        assert!(refused.message.contains("{name: demo, namespace: meshroot-system}"));
        virtual_mesh.status = Some(meshroot_api::networking::VirtualMeshStatus::default());
        assert!(check_never_had_policy(&virtual_mesh, false).is_err());
    }

    #[test]
    fn a_virtual_mesh_that_is_being_deleted_holds_no_member() {
        let (one, mut two) = (virtual_mesh("one", |_| ()), virtual_mesh("two", |_| ()));
        two.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(check_member(&east(), &key("one"), &read(&[&one, &two]), true), Ok(()));
    }

    #[test]
    fn each_unsupported_or_impossible_field_is_refused_by_name() {
        let cases: [(&str, Reason, Change); 5] = [
            (
                "spec.limited",
                Reason::LimitedTrustUnsupported,
                Box::new(|spec| spec.limited = Some(Empty {})),
            ),
            (
                "spec.enforceAccessControl",
                Reason::AccessControlUnsupported,
                Box::new(|spec| {
                    spec.enforce_access_control = EnforceAccessControl::Bool(true);
                }),
            ),
            (
                "rsaKeySizeBytes",
                Reason::SpecInvalid,
                Box::new(|spec| {
                    spec.certificate_authority.builtin =
                        Some(Builtin { rsa_key_size_bytes: 1024, ..Default::default() });
                }),
            ),
            (
                "ttlDays",
                Reason::SpecInvalid,
                Box::new(|spec| {
                    spec.certificate_authority.builtin =
                        Some(Builtin { ttl_days: 3651, ..Default::default() });
                }),
            ),
            (
                "provided.certificate.name",
                Reason::SpecInvalid,
                Box::new(|spec| {
                    spec.certificate_authority.provided = Some(Provided::default());
                }),
            ),
        ];
        for (field, reason, change) in cases {
            let refused = validate(&virtual_mesh("demo", change)).unwrap_err();
            assert_eq!(refused.reason, reason, "{field}");
            assert!(refused.message.contains(field), "{field}: {}", refused.message);
        }
    }

    #[test]
    fn a_name_with_a_dot_is_refused() {
        let refused = validate(&virtual_mesh("team.demo", |_| ())).unwrap_err();
        assert_eq!(refused.reason, Reason::SpecInvalid);
        assert!(refused.message.contains("team.demo holds a dot"), "{}", refused.message);
    }

    #[test]
    fn a_member_that_does_not_exist_is_named() {
        let membership = read(&[&virtual_mesh("demo", |_| ())]);
        let refused = check_member(&east(), &key("demo"), &membership, false).unwrap_err();
        assert_eq!(refused.reason, Reason::MeshMissing);
        assert!(refused.message.contains("meshroot-cluster-east/istio-istio-system-east"));
    }

    #[test]
    fn names_that_do_not_fit_into_a_request_are_refused_with_the_limit() {
        let mesh = Key::new("meshroot-cluster-east", "m".repeat(120));
        let check =
            |length| check_member(&mesh, &key(&"v".repeat(length)), &Membership::default(), true);
        assert_eq!(check(117), Ok(()));
        let refused = check(118).unwrap_err();
        assert_eq!(refused.reason, Reason::SpecInvalid);
        assert!(refused.message.contains("238 characters together, and at most 237"));
    }

    #[test]
    fn a_reference_without_namespace_is_resolved_by_its_cluster_and_then_by_its_owner() {
        let mut reference = ResourceRef::new("m", "");
        assert_eq!(Key::resolve(&reference, "here"), Key::new("here", "m"));
        reference.cluster = "east".into();
        assert_eq!(Key::resolve(&reference, "here"), Key::new("meshroot-cluster-east", "m"));
    }
}
