//! What is read of MeshTrusts, and written into them, while a root is replaced.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::SignedDuration;
use meshroot_api::policy::{Adopt, KeyAlgorithm, Restart};
use meshroot_api::rotation::{RootRotationSpec, RootRotationStatus, Step, Strategy};
use meshroot_api::trust::{Goal, Loaded, MeshTrustSpec, MeshTrustStatus, Pickup, Sent, Telling};
use meshroot_api::{MeshTrust, Reason, RootRotation};
use meshroot_core::membership::Key;
use meshroot_core::rotation::{OwnRoot, Rotation, Snapshot, Told, View, is_loaded, read};
use meshroot_pki::{Certificate, to_bundle};

use crate::x509::{DAY, Template, intermediate_key, name, now, root_key};

pub(crate) static OLD: LazyLock<Certificate> = LazyLock::new(|| {
    let not_after = now().as_second() + 365 * DAY;
    Template { not_after, ..Template::root() }.sign(root_key())
});
pub(crate) static NEW: LazyLock<Certificate> = LazyLock::new(|| {
    let mut new = Template::new(&name("new"), &name("new"), intermediate_key());
    new.extensions = Template::root().extensions;
    new.sign(intermediate_key())
});
static CROSS: LazyLock<Certificate> = LazyLock::new(|| {
    let mut cross = Template::new(&name("new"), &name("root"), intermediate_key());
    cross.extensions = Template::root().extensions;
    cross.sign(root_key())
});

pub(crate) fn fingerprint(certificate: &Certificate) -> String {
    certificate.fingerprint().to_string()
}

pub(crate) fn old() -> OwnRoot {
    OwnRoot {
        number: 1,
        replaces: None,
        replaced_root: None,
        fingerprint: fingerprint(&OLD),
        certificate: Some(OLD.clone()),
        chain: Vec::new(),
        beside: Vec::new(),
        cross: None,
    }
}

pub(crate) fn new() -> OwnRoot {
    OwnRoot {
        number: 2,
        replaces: Some(1),
        replaced_root: Some(fingerprint(&OLD)),
        fingerprint: fingerprint(&NEW),
        certificate: Some(NEW.clone()),
        cross: Some(vec![CROSS.clone()]),
        ..old()
    }
}

pub(crate) fn demo() -> Key {
    Key::new("meshroot-system", "demo")
}

pub(crate) fn mesh(name: &str) -> Key {
    Key::new("meshroot-cluster-east", name)
}

/// A MeshTrust that tells of these anchors, and of a rotation if there is one.
pub(crate) fn trust(anchors: &[&Certificate], rotation: Option<Telling>) -> MeshTrust {
    let anchors: Vec<Certificate> = anchors.iter().map(|one| (*one).clone()).collect();
    let spec = MeshTrustSpec {
        request: "a.demo.1".to_owned(),
        trust_anchors: to_bundle(&anchors),
        key: KeyAlgorithm::EcdsaP256,
        renew_at_percent: 67,
        adopt: Adopt::Never,
        restart: Restart::Manual,
        chain_certificates: None,
        rotation,
    };
    let mut trust = MeshTrust::new("a", spec);
    trust.metadata.generation = Some(3);
    trust
}

pub(crate) fn goal() -> Goal {
    Goal { sequence: 7, number: 2, root: fingerprint(&NEW), excluded: Vec::new() }
}

/// It sends a certificate of the new root, with the cross-certificate, and trusts what it is told.
pub(crate) fn bridged() -> Telling {
    let through = Some(fingerprint(&OLD));
    let sends = Some(Sent { issuer: fingerprint(&NEW), through });
    Telling { goal: goal(), sends, revision: 5, ..Telling::default() }
}

pub(crate) fn view<'a>(name: &str, trust: Option<&'a MeshTrust>) -> View<'a> {
    let (issued_under, told_under, loaded_since) = (None, None, None);
    View { mesh: mesh(name), trust, issued_under, told_under, loaded_since }
}

pub(crate) fn rotation(roots: &[OwnRoot], members: &[View<'_>]) -> Rotation {
    read(&Snapshot {
        virtual_mesh: &demo(),
        named: &[mesh("a"), mesh("b")],
        roots,
        ready: 2,
        rotation: None,
        members,
        now: now(),
    })
    .unwrap()
}

pub(crate) fn spec(told: Told) -> MeshTrustSpec {
    let mut spec = trust(&[], None).spec;
    told.put_into(&mut spec, &Key::new("meshroot-system", "demo"));
    spec
}

#[test]
fn what_was_sent_by_a_root_that_is_gone_is_known_and_written_down() {
    let told = trust(&[&NEW], Some(bridged()));
    let rotation = rotation(&[new()], &[view("a", Some(&told)), view("b", Some(&told))]);
    let telling = spec_of(&told, &rotation).rotation.unwrap();
    // Nobody trusts the old root any more: the cross-certificate is sent no more, and some workload may still send it.
    assert_eq!(telling.sends, Some(Sent { issuer: fingerprint(&NEW), through: None }));
    assert_eq!(telling.sent, [bridged().sends.unwrap()]);
}

fn spec_of(told: &MeshTrust, rotation: &Rotation) -> MeshTrustSpec {
    spec(rotation.told(&mesh("a"), Some(told), true).unwrap().unwrap())
}

#[test]
fn without_the_cross_certificate_nothing_else_is_told_and_it_is_said_what_is_missing() {
    // One still trusts the old root alone, so that it must be sent.
    let sends = trust(&[&NEW], Some(bridged()));
    let peer = trust(&[&OLD], Some(bridged()));
    let without = OwnRoot { cross: None, ..new() };
    let members = [view("a", Some(&sends)), view("b", Some(&peer))];
    let refused = rotation(&[old(), without], &members).told(&mesh("a"), Some(&sends), false);
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason, Reason::RootSecretMissing);
    assert!(refused.message.contains("cross-certificate"), "{}", refused.message);
}

#[test]
fn what_is_told_already_is_told_on_where_its_certificates_are_gone() {
    let mut told = trust(&[&OLD], Some(bridged()));
    told.spec.chain_certificates = Some(CROSS.to_pem());
    let without = OwnRoot { cross: None, ..new() };
    let rotation = rotation(&[old(), without], &[view("a", Some(&told))]);
    let spec = spec(rotation.told(&mesh("a"), Some(&told), false).unwrap().unwrap());
    assert_eq!(spec.chain_certificates, told.spec.chain_certificates);
    assert_eq!(spec.trust_anchors, NEW.to_pem(), "and anchors go on");
}

/// A rotation of the second root that somebody wants back, whose status says this.
pub(crate) fn wanted_back(step: Step) -> RootRotation {
    let spec = RootRotationSpec { rollback: true, ..RootRotationSpec::default() };
    let status = Some(RootRotationStatus { step, ..RootRotationStatus::default() });
    RootRotation { status, ..RootRotation::new("demo.2", spec) }
}

#[test]
fn a_root_that_is_gone_is_not_gone_back_to_and_nobody_is_told_anything_new() {
    let told = trust(&[&OLD], Some(bridged()));
    let rotation = wanted_back(Step::Reissuing);
    let members = [view("a", Some(&told))];
    let (roots, rotation) = ([new()], Some(&rotation));
    let read = read(&Snapshot {
        virtual_mesh: &demo(),
        named: &[mesh("a"), mesh("b")],
        roots: &roots,
        ready: 2,
        rotation,
        members: &members,
        now: now(),
    });
    let read = read.unwrap();
    assert_eq!(read.goal().number, 2);
    let said = read.summary(&BTreeMap::new()).said;
    assert_eq!(said.reason, Reason::RotationStuck);
    assert!(said.message.contains("root 1"), "{}", said.message);
    assert_eq!(read.changed().count(), 0);
}

#[test]
fn what_is_complete_is_not_gone_back_from() {
    let told = trust(&[&NEW], Some(bridged()));
    for (step, number) in [(Step::Distrusting, 1), (Step::Complete, 2)] {
        let rotation = wanted_back(step);
        let (roots, members) = ([old(), new()], [view("a", Some(&told))]);
        let rotation = Some(&rotation);
        let read = read(&Snapshot {
            virtual_mesh: &demo(),
            named: &[mesh("a"), mesh("b")],
            roots: &roots,
            ready: 2,
            rotation,
            members: &members,
            now: now(),
        });
        assert_eq!(read.unwrap().goal().number, number);
    }
}

#[test]
fn what_is_told_is_in_one_write_with_what_was_told_before() {
    let told = trust(&[&OLD], Some(bridged()));
    let view = View {
        loaded_since: Some(now() - SignedDuration::from_hours(60)),
        ..view("a", Some(&told))
    };
    let rotation = rotation(&[old(), new()], &[view]);
    let spec = spec_of(&told, &rotation);
    let telling = spec.rotation.unwrap();
    assert_eq!(spec.trust_anchors, NEW.to_pem());
    assert_eq!(telling.trusted, [vec![fingerprint(&OLD)]]);
    assert_eq!(telling.virtual_mesh, "meshroot-system/demo");
    assert!(telling.revision > 5);
}

#[test]
fn the_revision_stays_where_only_something_else_changes() {
    let sent = vec![Sent { issuer: fingerprint(&OLD), through: None }];
    let told = trust(&[&OLD], Some(Telling { sent, ..bridged() }));
    let rotation = rotation(&[old(), new()], &[view("a", Some(&told))]);
    // Nothing was seen to be loaded: nothing may be changed.
    let told_again = rotation.told(&mesh("a"), Some(&told), true).unwrap().unwrap();
    let spec = spec(told_again);
    assert_eq!(spec.rotation.unwrap().revision, 5);
}

#[test]
fn a_plan_is_for_the_very_mesh_trust_that_it_was_made_for() {
    let told = trust(&[&OLD], Some(bridged()));
    let rotation = rotation(&[old(), new()], &[view("a", Some(&told))]);
    let mut later = told.clone();
    later.metadata.generation = Some(4);
    assert_eq!(rotation.told(&mesh("a"), Some(&later), true).unwrap(), None);
    assert_eq!(rotation.told(&mesh("a"), None, true).unwrap(), None);
}

/// A mesh whose MeshTrust names a request that was never recorded.
#[test]
fn what_was_issued_before_counts_although_the_request_that_is_named_now_was_never_recorded() {
    let told = trust(&[&OLD], None);
    let nothing = view("a", Some(&told));
    let before = View { issued_under: Some(fingerprint(&OLD)), ..nothing.clone() };
    for (view, has) in [(nothing, false), (before, true)] {
        let rotation = rotation(&[old(), new()], &[view]);
        assert_eq!(rotation.position(&mesh("a")).is_some(), has);
        let spec = spec_of(&told, &rotation);
        assert_eq!(spec.trust_anchors.is_empty(), !has, "who has nothing is told nothing first");
    }
}

#[test]
fn goals_are_counted_from_a_number_that_no_lost_one_had() {
    let told = trust(&[&OLD], None);
    let view = View { told_under: Some(fingerprint(&OLD)), ..view("a", Some(&told)) };
    let first = rotation(&[old(), new()], &[view]).goal().sequence;
    assert_eq!(i64::from(first), now().as_second() / 60);
    let told = trust(
        &[&OLD],
        Some(Telling { goal: Goal { number: 1, root: fingerprint(&OLD), ..goal() }, ..bridged() }),
    );
    let rotation = rotation(&[old(), new()], &[self::view("a", Some(&told))]);
    assert_eq!(
        (rotation.goal().sequence, rotation.goal().number),
        (7, 1),
        "nobody asks for another"
    );
}

#[test]
fn the_longest_lifetime_of_a_leaf_outlives_the_status() {
    let mut told = trust(&[&OLD], Some(bridged()));
    let loaded = Loaded { leaf_lifetime_seconds: Some(40 * DAY), ..Loaded::default() };
    told.status = Some(MeshTrustStatus { loaded: Some(loaded), ..MeshTrustStatus::default() });
    let rotation = rotation(&[old(), new()], &[view("a", Some(&told))]);
    let telling = spec_of(&told, &rotation).rotation.unwrap();
    assert_eq!(telling.leaf_lifetime_seconds, Some(40 * DAY));
}

#[test]
fn loaded_is_only_what_the_agent_says_of_the_present_generation() {
    let mut told = trust(&[&OLD], Some(bridged()));
    assert!(!is_loaded(&told));
    let status = MeshTrustStatus {
        pickup: Pickup::Confirmed,
        installed: Some("a.demo.1".to_owned()),
        observed_generation: Some(3),
        ..MeshTrustStatus::default()
    };
    told.status = Some(status.clone());
    assert!(is_loaded(&told));
    for other in [
        MeshTrustStatus { observed_generation: Some(2), ..status.clone() },
        // An agent of an earlier release.
        MeshTrustStatus { observed_generation: None, ..status.clone() },
        MeshTrustStatus { pickup: Pickup::Waiting, ..status.clone() },
        MeshTrustStatus { installed: Some("a.demo.2".to_owned()), ..status },
    ] {
        told.status = Some(other);
        assert!(!is_loaded(&told));
    }
}

#[test]
fn what_the_only_member_was_told_and_lost_may_have_been_of_the_old_root() {
    let lost = View { issued_under: Some(fingerprint(&NEW)), ..view("a", None) };
    let asked = |step, taint_old| {
        let spec = RootRotationSpec { taint_old, ..RootRotationSpec::default() };
        let mut rotation = RootRotation::new("demo.2", spec);
        rotation.status = Some(RootRotationStatus { step, ..RootRotationStatus::default() });
        rotation
    };
    let trusts = |asked: Option<&RootRotation>| {
        let members = [lost.clone()];
        let (virtual_mesh, named, roots) = (demo(), [mesh("a")], [old(), new()]);
        let (virtual_mesh, named, roots, members) = (&virtual_mesh, &named, &roots, &members);
        let (rotation, now) = (asked, now());
        let snapshot = Snapshot { virtual_mesh, named, roots, ready: 2, rotation, members, now };
        read(&snapshot).unwrap().position(&mesh("a")).unwrap().1
    };
    assert_eq!(trusts(None), "root 1 + root 2");
    assert_eq!(trusts(Some(&asked(Step::Trusting, false))), "root 1 + root 2");
    assert_eq!(trusts(Some(&asked(Step::Complete, false))), "root 2", "that one is over");
    assert_eq!(trusts(Some(&asked(Step::Trusting, true))), "root 2", "its key was stolen");
}

#[test]
fn a_root_that_ends_before_its_replacement_can_be_over_is_told() {
    let told = trust(&[&OLD], None);
    let view = View { told_under: Some(fingerprint(&OLD)), ..view("a", Some(&told)) };
    let spec = RootRotationSpec { strategy: Strategy::BundleFirst, ..RootRotationSpec::default() };
    let asked = RootRotation::new("demo.2", spec);
    let late = |root: OwnRoot| {
        let (virtual_mesh, named, members) = (demo(), [mesh("a")], [view.clone()]);
        let (virtual_mesh, named, members) = (&virtual_mesh, &named, &members);
        let (roots, rotation, now) = (&[root, new()], Some(&asked), now());
        let snapshot = Snapshot { virtual_mesh, named, roots, ready: 2, rotation, members, now };
        let rotation = read(&snapshot).unwrap();
        (rotation.too_late(), rotation.summary(&BTreeMap::new()).said.message)
    };
    let lasting = |days: i64| {
        let not_after = now().as_second() + days * DAY;
        OwnRoot {
            certificate: Some(Template { not_after, ..Template::root() }.sign(root_key())),
            ..old()
        }
    };
    assert_eq!(late(lasting(30)).0, None);
    let (said, message) = late(lasting(1));
    let said = said.unwrap();
    assert!(said.starts_with("root 1 ends ") && message.ends_with(&said), "{message}");
}
