use jiff::Timestamp;
use serde_json::json;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn shown(kind: Kind, wide: bool, objects: &[serde_json::Value]) -> String {
    let object = |value: &serde_json::Value| serde_json::from_value(value.clone()).unwrap();
    let objects: Vec<DynamicObject> = objects.iter().map(object).collect();
    table::text(&kind.table(&objects, at("2026-11-24T08:00:00Z"), wide))
}

fn metadata(namespace: &str, name: &str) -> serde_json::Value {
    json!({ "namespace": namespace, "name": name, "creationTimestamp": "2026-11-24T07:30:00Z" })
}

#[test]
fn every_name_that_kubectl_knows_is_known_here() {
    for kind in Kind::ALL {
        let resource = kind.resource();
        for word in [kind.word().to_owned(), resource.kind.to_lowercase(), resource.plural] {
            assert_eq!(word.parse::<Kind>(), Ok(kind), "{word}");
        }
    }
    let error = "vmx".parse::<Kind>().unwrap_err();
    assert!(
        error.contains(
            "vm, trustpolicy, rotation, cluster, mesh, vmcsr, approval, meshtrust, record"
        ),
        "{error}"
    );
}

#[test]
fn a_request_shows_who_is_waited_for() {
    let requests = [
        json!({
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
            "metadata": metadata("meshroot-cluster-east", "istio-istio-system-east.demo.1"),
            "spec": {
                "virtualMeshRef": { "name": "demo", "namespace": "shop" },
                "certConfig": { "hosts": ["spiffe://cluster.local/ns/istio-system/sa/istiod"] },
            },
            "status": { "computedStatus": { "message": "waiting for the agent of east" } },
        }),
        json!({
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
            "metadata": metadata("meshroot-cluster-west", "istio-istio-system-west.demo.1"),
            "spec": { "virtualMeshRef": { "name": "demo" }, "csrData": "bm90IGEgQ1NS" },
            "status": {
                "thirdPartyApproval": { "approvalStatus": "DENIED", "message": "CHG-7" },
                "computedStatus": { "state": "INVALID" },
            },
        }),
    ];
    insta::assert_snapshot!(shown(Kind::Request, false, &requests));
    insta::assert_snapshot!(shown(Kind::Request, true, &requests));
}

#[test]
fn a_mesh_shows_what_it_has_loaded_and_until_when() {
    let trust = |name: &str, not_after: &str| {
        json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "MeshTrust", "metadata": metadata("meshroot-cluster-east", name),
            "spec": { "request": format!("{name}.demo.2"), "trustAnchors": "", "key": "ECDSA-P256", "renewAtPercent": 67 },
            "status": {
                "pickup": "Confirmed", "witness": "WorkloadCertificate",
                "loaded": { "request": format!("{name}.demo.2"), "fingerprint": "ab", "serial": "01", "notAfter": not_after },
            },
        })
    };
    let trusts = [trust("a", "2026-12-24T08:00:00Z"), trust("b", "2026-11-24T04:00:00Z")];
    insta::assert_snapshot!(shown(Kind::MeshTrust, false, &trusts));
}

#[test]
fn a_mesh_shows_the_trust_domain_that_istio_defaults_to() {
    let mesh = json!({
        "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "Mesh", "metadata": metadata("meshroot-cluster-east", "a"),
        "spec": {
            "istio": { "installation": { "installationNamespace": "istio-system", "version": "1.31.0" } },
            "cluster": { "name": "east" },
        },
    });
    insta::assert_snapshot!(shown(Kind::Mesh, false, &[mesh]));
}

#[test]
fn a_virtual_mesh_with_a_broken_spec_says_that_first() {
    let mesh = json!({
        "apiVersion": "networking.zephyr.solo.io/v1alpha1", "kind": "VirtualMesh", "metadata": metadata("shop", "demo"),
        "spec": { "meshes": [{ "name": "a" }, { "name": "b" }] },
        "status": {
            "configStatus": { "state": "INVALID", "message": "mesh b does not exist" },
            "certificateStatus": { "message": "1 of 2" },
        },
    });
    insta::assert_snapshot!(shown(Kind::VirtualMesh, true, &[mesh]));
}

#[test]
fn an_object_that_cannot_be_read_keeps_its_row_and_says_so() {
    let odd = json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "MeshTrust", "metadata": metadata("east", "odd"), "spec": {},
    });
    let text = shown(Kind::MeshTrust, false, &[odd]);
    assert!(text.contains("odd") && text.contains("cannot be read"), "{text}");
}
