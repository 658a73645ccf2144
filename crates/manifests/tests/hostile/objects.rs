//! The objects that are attacked, and where they are.

use meshroot_api::names::ASKED_ANNOTATION;
use serde_json::{Value, json};

use crate::call::{Call, Step, create, merge, status};
use crate::setup::Who;

pub(crate) const SYSTEM: &str = "meshroot-system";
pub(crate) const EAST: &str = "meshroot-cluster-east";
pub(crate) const WEST: &str = "meshroot-cluster-west";
/// Its agent is a cluster administrator by mistake.
pub(crate) const NORTH: &str = "meshroot-cluster-north";
/// Its quota is used up.
pub(crate) const FULL: &str = "meshroot-cluster-full";
/// Where the virtual mesh `demo` is, which the clusters are members of.
pub(crate) const MESHES: &str = "meshes";
/// The namespace of the tenants, with their virtual mesh `own`.
pub(crate) const TENANT: &str = "tenant";

const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// Each kind with its API and the word for it in a path.
const KINDS: &[(&str, &str, &str)] = &[
    (
        "VirtualMeshCertificateSigningRequest",
        "security.zephyr.solo.io/v1alpha1",
        "virtualmeshcertificatesigningrequests",
    ),
    ("VirtualMesh", "networking.zephyr.solo.io/v1alpha1", "virtualmeshes"),
    ("Mesh", "discovery.zephyr.solo.io/v1alpha1", "meshes"),
    ("KubernetesCluster", "discovery.zephyr.solo.io/v1alpha1", "kubernetesclusters"),
    ("TrustPolicy", "meshroot.dev/v1alpha1", "trustpolicies"),
    ("RootRotation", "meshroot.dev/v1alpha1", "rootrotations"),
    ("MeshTrust", "meshroot.dev/v1alpha1", "meshtrusts"),
    ("IssuanceRecord", "meshroot.dev/v1alpha1", "issuancerecords"),
    ("RequestApproval", "meshroot.dev/v1alpha1", "requestapprovals"),
    ("Lease", "coordination.k8s.io/v1", "leases"),
    ("Event", "events.k8s.io/v1", "events"),
    ("Namespace", "v1", "namespaces"),
    ("Secret", "v1", "secrets"),
    ("ConfigMap", "v1", "configmaps"),
    ("ResourceQuota", "v1", "resourcequotas"),
    ("ServiceAccount", "v1", "serviceaccounts"),
    ("Role", "rbac.authorization.k8s.io/v1", "roles"),
    ("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    ("ValidatingAdmissionPolicy", ADMISSION, "validatingadmissionpolicies"),
    ("ValidatingAdmissionPolicyBinding", ADMISSION, "validatingadmissionpolicybindings"),
    ("MutatingAdmissionPolicy", ADMISSION, "mutatingadmissionpolicies"),
    ("MutatingAdmissionPolicyBinding", ADMISSION, "mutatingadmissionpolicybindings"),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1", "customresourcedefinitions"),
];

fn kind(name: &str) -> (&'static str, &'static str) {
    let kind = KINDS.iter().find(|(kind, ..)| *kind == name);
    let (_, api, plural) = kind.unwrap_or_else(|| panic!("no kind {name}"));
    (api, plural)
}

/// An object of a kind of this table; without a namespace where that is empty.
pub(crate) fn object(kind_name: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": kind(kind_name).0, "kind": kind_name, "metadata": { "name": name },
    });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if !spec.is_null() {
        object["spec"] = spec.clone();
    }
    object
}

/// One without a spec.
pub(crate) fn plain(kind: &str, namespace: &str, name: &str) -> Value {
    object(kind, namespace, name, &Value::Null)
}

/// The path of all objects of the same kind and namespace.
pub(crate) fn collection(object: &Value) -> String {
    let (api, plural) = kind(object["kind"].as_str().unwrap());
    let root = if api.contains('/') { "apis" } else { "api" };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/{root}/{api}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{api}/{plural}"),
    }
}

pub(crate) fn path(object: &Value) -> String {
    format!("{}/{}", collection(object), object["metadata"]["name"].as_str().unwrap())
}

pub(crate) fn annotated(mut object: Value, annotation: &str, text: &str) -> Value {
    object["metadata"]["annotations"] = json!({ annotation: text });
    object
}

/// How the virtual mesh `demo` is referred to.
pub(crate) fn demo() -> Value {
    json!({ "name": "demo", "namespace": MESHES })
}

/// How the tenants' own virtual mesh is referred to.
pub(crate) fn own() -> Value {
    json!({ "name": "own", "namespace": TENANT })
}

pub(crate) fn request_with(namespace: &str, name: &str, spec: &Value) -> Value {
    object("VirtualMeshCertificateSigningRequest", namespace, name, spec)
}

/// A request of the virtual mesh `demo` without a CSR.
pub(crate) fn request(namespace: &str, name: &str) -> Value {
    let hosts = json!(["spiffe://cluster.local/ns/istio-system/sa/istiod"]);
    let spec = json!({ "virtualMeshRef": demo(), "certConfig": { "hosts": hosts } });
    request_with(namespace, name, &spec)
}

/// A request with a CSR.
pub(crate) fn whole(namespace: &str, name: &str, virtual_mesh: &Value) -> Value {
    let spec = json!({ "virtualMeshRef": virtual_mesh, "csrData": "Q1NS" });
    request_with(namespace, name, &spec)
}

pub(crate) fn mesh(namespace: &str, name: &str) -> Value {
    object("Mesh", namespace, name, &json!({ "istio": {} }))
}

pub(crate) fn mesh_trust(namespace: &str, name: &str) -> Value {
    let spec = json!({
        "request": "mesh.demo.1", "trustAnchors": "", "key": "ECDSA-P256", "renewAtPercent": 67,
    });
    object("MeshTrust", namespace, name, &spec)
}

pub(crate) fn record(namespace: &str, name: &str) -> Value {
    let spec = json!({
        "request": { "name": name, "uid": "u" },
        "virtualMeshRef": demo(),
        "csrSha256": "00",
        "publicKeySha256": "00",
        "decision": { "verdict": "Denied", "by": "policy", "time": "2026-01-01T00:00:00Z" },
        "sequence": 1,
        "fence": 1,
    });
    object("IssuanceRecord", namespace, name, &spec)
}

/// An approval of the request of the same name by whoever creates it.
pub(crate) fn approval(namespace: &str, request: &str, virtual_mesh: &Value) -> Value {
    let sha256 = "ab".repeat(32);
    let spec = json!({ "request": request, "virtualMeshRef": virtual_mesh, "sha256": sha256 });
    object("RequestApproval", namespace, request, &spec)
}

pub(crate) fn virtual_mesh(name: &str, members: &Value) -> Value {
    object("VirtualMesh", TENANT, name, &json!({ "meshes": members }))
}

pub(crate) fn lease(namespace: &str, name: &str) -> Value {
    let spec = json!({ "holderIdentity": "one", "leaseDurationSeconds": 15 });
    object("Lease", namespace, name, &spec)
}

/// How far the ledger of EAST has come.
pub(crate) fn claim() -> Value {
    plain("ConfigMap", SYSTEM, &meshroot_api::names::ledger_claim(EAST))
}

/// The change that says what people are asked to approve.
pub(crate) fn asks(text: &str) -> Value {
    json!({ "metadata": { "annotations": { ASKED_ANNOTATION: text } } })
}

/// A decision as it stands in the status of a request.
pub(crate) fn decision(word: &str, message: &str) -> Value {
    json!({ "thirdPartyApproval": { "approvalStatus": word, "message": message } })
}

fn with_csr(name: &str) -> Vec<Step> {
    let request = request(EAST, name);
    let csr = merge(&request, json!({ "spec": { "csrData": "Q1NS" } }));
    vec![(Who::Hub, create(&request)), (Who::Agent, csr)]
}

/// The hub made a request, the agent of EAST its CSR, and the hub asks `text`.
pub(crate) fn asked(name: &str, text: &str) -> Vec<Step> {
    let asks: Call = merge(&request(EAST, name), asks(text));
    [with_csr(name), vec![(Who::Hub, asks)]].concat()
}

/// The same, where one person decides.
pub(crate) fn under_review(name: &str) -> Vec<Step> {
    asked(name, "{}")
}

/// The same before the hub asks.
pub(crate) fn not_asked(name: &str) -> Vec<Step> {
    with_csr(name)
}

/// The approver has approved it.
pub(crate) fn approved(name: &str) -> Vec<Step> {
    let approves = status(&request(EAST, name), decision("APPROVED", "CHG-1"));
    [under_review(name), vec![(Who::Approver, approves)]].concat()
}

/// The hub has made an object.
pub(crate) fn by_hub(object: &Value) -> Vec<Step> {
    vec![(Who::Hub, create(object))]
}

/// An administrator has made an object.
pub(crate) fn by_admin(object: &Value) -> Vec<Step> {
    vec![(Who::Admin, create(object))]
}
