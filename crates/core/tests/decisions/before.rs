//! Objects that the build before digests were written by hand left behind: they are read, and nothing is done about them.
//!
//! `fixtures/objects-0.1.0.json` is the hub's side of `meshroot demo --keep` of that build, with a renewal of the mesh in
//! east: no keys are in it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use meshroot_api::names::{POLICY_ANNOTATION, RequestName};
use meshroot_api::policy::TrustPolicyStatus;
use meshroot_api::rotation::{RootRotationSpec, Strategy};
use meshroot_api::{
    IssuanceRecord, Mesh, MeshTrust, RootRotation, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::findings::Findings;
use meshroot_core::membership::Key;
use meshroot_core::progress::{self, Member, View};
use meshroot_core::rotation::{self, OwnRoot, Snapshot};
use meshroot_core::terms::Terms;
use meshroot_core::trust::{self, Past, TrustSet};
use meshroot_core::{identity, ledger};
use meshroot_pki::{Certificate, Fingerprint, parse_bundle};
use serde::de::DeserializeOwned;

use crate::x509::{Template, now, root_key};

const OBJECTS: &str = include_str!("../fixtures/objects-0.1.0.json");

fn all<K: Resource<DynamicType = ()> + DeserializeOwned>() -> Vec<K> {
    let list: serde_json::Value = serde_json::from_str(OBJECTS).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    let of_kind = items.filter(|item| item["kind"] == K::kind(&()).as_ref());
    of_kind.map(|item| serde_json::from_value(item.clone()).unwrap()).collect()
}

fn one<K: Resource<DynamicType = ()> + DeserializeOwned>(name: &str) -> K {
    let named = |object: &K| object.meta().name.as_deref() == Some(name);
    all::<K>().into_iter().find(named).unwrap()
}

fn set() -> TrustSet {
    let response = all::<Request>().remove(0).status.unwrap().response;
    let roots = parse_bundle(&response.root_certificate.0).unwrap();
    let signing = roots[0].clone();
    TrustSet::new(roots, &signing, jiff::Timestamp::UNIX_EPOCH)
}

#[test]
fn each_ledger_is_one_chain() {
    let mut followed = 0;
    let mut records = all::<IssuanceRecord>();
    records.sort_by_key(|record| (record.metadata.namespace.clone(), record.spec.sequence));
    for pair in records.windows(2) {
        if let [before, after] = pair
            && before.metadata.namespace == after.metadata.namespace
        {
            assert_eq!(after.spec.previous_sha256, ledger::digest(&before.spec).to_string());
            followed += 1;
        }
    }
    assert_eq!((records.len(), followed), (3, 1));
}

#[test]
fn nobody_is_asked_for_a_renewal() {
    let policy: TrustPolicy = one("demo");
    let mut recognised = 0;
    for request in all::<Request>() {
        let name = RequestName::parse(request.metadata.name.as_deref().unwrap()).unwrap();
        let record = one::<IssuanceRecord>(&name.to_string()).spec;
        let prepared = record.prepared.clone().unwrap();
        let terms = Terms {
            profile: prepared.profile_sha256.parse().unwrap(),
            issuer: prepared.issuer_sha256.parse().unwrap(),
            key: policy.spec.intermediate.key,
            config: &identity::cert_config(&one::<Mesh>(&name.mesh)).unwrap(),
            allowed_hosts: &[],
        };
        let made_for = request.metadata.annotations.as_ref().unwrap().get(POLICY_ANNOTATION);
        if let Some(made_for) = made_for {
            assert_eq!(*made_for, terms.digest().to_string());
            recognised += 1;
        }
        assert_eq!(terms.asks_for_another(&request, Some(&record)), None, "{name}");
        let tighter = Terms { profile: Fingerprint::of(b"tighter"), ..terms };
        assert!(tighter.asks_for_another(&request, Some(&record)).is_some(), "{name}");
    }
    assert_eq!(recognised, 1, "the hub's own request; the agent's says nothing of a policy");
}

#[test]
fn every_mesh_is_told_what_it_was_told() {
    let policy: TrustPolicy = one("demo");
    let trusts = all::<MeshTrust>();
    assert_eq!(trusts.len(), 2);
    for found in trusts {
        let key = Key::of(&found);
        let request = trust::request_of(Some(&found), &key, "demo");
        assert_eq!(
            trust::told(
                &policy.spec,
                Some(&set()),
                &request,
                Some(&found.spec),
                jiff::Timestamp::UNIX_EPOCH
            ),
            found.spec,
            "{key}"
        );
    }
}

#[test]
fn the_root_is_the_one_that_it_was() {
    let (policy, set) = (one::<TrustPolicy>("demo"), set());
    let status = policy.status.unwrap();
    assert_eq!(set.statuses(), status.roots);
    let past =
        Past { root: trust::signing_root(&status.roots).map(str::to_owned), ..Past::default() };
    assert!(past.had_root());
    let issuer = set.signing().certificate.fingerprint();
    past.check_unchanged(&set, &issuer).unwrap();
}

/// A status without its sentences: those may be put in better words, at the price of one write.
fn without_words(status: &impl serde::Serialize) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.remove("message");
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(status).unwrap();
    strip(&mut value);
    value
}

#[test]
fn no_status_changes_and_nothing_is_told_again() {
    let (virtual_mesh, policy) = (one::<VirtualMesh>("demo"), one::<TrustPolicy>("demo"));
    let members: Vec<Member> = all::<MeshTrust>()
        .iter()
        .map(|found| {
            let key = Key::of(found);
            let current = trust::request_of(Some(found), &key, "demo");
            let request: Request = one(&current.to_string());
            let view = View {
                current: &current,
                answered: request.is_answered(),
                recorded: None,
                fault: None,
                open: None,
                reported: found.status.as_ref().unwrap(),
            };
            Member::new(&key, &view, jiff::Timestamp::UNIX_EPOCH)
        })
        .collect();
    let findings = Findings::of_members(progress::sum(&members), set().statuses(), None);
    let later = Time(jiff::Timestamp::from_second(4_000_000_000).unwrap());
    let said = findings.policy_status(&policy, &later);
    let generation = policy.metadata.generation;
    let stood =
        TrustPolicyStatus { observed_generation: generation, ..policy.status.clone().unwrap() };
    assert_eq!(without_words(&said), without_words(&stood));
    let (said, stood) = (findings.virtual_mesh_status(), virtual_mesh.status.clone().unwrap());
    assert_eq!(without_words(&said), without_words(&stood));
    assert!(!findings.are_news(&virtual_mesh, Some(&policy)));
}

/// What a hub reads of agents that know nothing of rotations.
#[test]
fn a_rotation_is_announced_to_agents_of_that_build_and_waits_for_them() {
    let trusts = all::<MeshTrust>();
    let first = set();
    let root = first.signing().certificate.clone();
    let own = |number: u32, certificate: &Certificate| OwnRoot {
        number,
        replaces: (number > 1).then_some(number - 1),
        replaced_root: (number > 1).then(|| root.fingerprint().to_string()),
        fingerprint: certificate.fingerprint().to_string(),
        certificate: Some(certificate.clone()),
        chain: Vec::new(),
        beside: Vec::new(),
        cross: None,
    };
    let new = Template::root().sign(root_key());
    let roots = [own(1, &root), own(2, &new)];
    let told_under = Some(root.fingerprint().to_string());
    let views: Vec<rotation::View<'_>> = trusts
        .iter()
        .map(|trust| rotation::View {
            mesh: Key::of(trust),
            trust: Some(trust),
            issued_under: told_under.clone(),
            told_under: told_under.clone(),
            loaded_since: None,
        })
        .collect();
    assert!(!views.is_empty() && !trusts.iter().any(rotation::is_loaded), "they do not say it");
    let spec = RootRotationSpec { strategy: Strategy::BundleFirst, ..RootRotationSpec::default() };
    let asked = RootRotation::new("demo.2", spec);
    let named: Vec<Key> = views.iter().map(|view| view.mesh.clone()).collect();
    let virtual_mesh = Key::of(&all::<VirtualMesh>()[0]);
    let read = rotation::read(&Snapshot {
        virtual_mesh: &virtual_mesh,
        named: &named,
        roots: &roots,
        ready: 2,
        rotation: Some(&asked),
        members: &views,
        now: now(),
    })
    .unwrap();
    for view in &views {
        let told = read.told(&view.mesh, view.trust, true).unwrap().unwrap();
        let mut spec = view.trust.unwrap().spec.clone();
        told.put_into(&mut spec, &virtual_mesh);
        assert_eq!(spec.trust_anchors, view.trust.unwrap().spec.trust_anchors, "nothing new yet");
        assert_eq!(spec.rotation.unwrap().goal.number, 2);
    }
    assert!(!read.is_complete());
}
