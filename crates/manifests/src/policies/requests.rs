//! Requests: who writes what of one, and who takes one away.

use meshroot_api::Reason;
use meshroot_api::names::{ASKED_ANNOTATION, KEY_BROUGHT_BY_ANNOTATION, REASON_ANNOTATION};

use super::approvals::signed_decision;
use super::{
    APPROVE, Policy, SMALL_METADATA, SMALL_METADATA_MESSAGE, VIRTUAL_MESH_NAMESPACE, all,
    small_metadata, unchanged,
};

/// An annotation, or empty.
fn annotation(object: &str, name: &str) -> String {
    format!("{object}.?metadata.?annotations[?'{name}'].orValue('')")
}

/// What people are asked to approve, or empty.
fn asked(object: &str) -> String {
    annotation(object, ASKED_ANNOTATION)
}

/// Whether a request says that the key of its mesh is believed stolen.
fn compromised(object: &str) -> String {
    format!("{} == '{}'", annotation(object, REASON_ANNOTATION), Reason::KeyCompromised.word())
}

pub(super) fn spec() -> Policy {
    let same_csr = unchanged("spec.?csrData", "''");
    // Whoever brings a key of their own asks for a CA in their own hands: that takes the right to approve.
    let no_csr = "object.?spec.?csrData.orValue('') == ''";
    Policy {
        name: "meshroot-requests",
        group: "security.zephyr.solo.io",
        resource: "virtualmeshcertificatesigningrequests",
        operations: &["CREATE", "UPDATE"],
        variables: [
            ("virtualMesh", "object.?spec.?virtualMeshRef.orValue({})".to_owned()),
            ("virtualMeshName", "variables.virtualMesh[?'name'].orValue('')".to_owned()),
            ("refNamespace", "variables.virtualMesh[?'namespace'].orValue('')".to_owned()),
            ("refCluster", "variables.virtualMesh[?'cluster'].orValue('')".to_owned()),
            ("virtualMeshNamespace", VIRTUAL_MESH_NAMESPACE.to_owned()),
            ("asked", asked("object")),
            ("askedBefore", asked("oldObject")),
            ("csr", "object.?spec.?csrData.orValue('')".to_owned()),
            ("keyBroughtBy", annotation("object", KEY_BROUGHT_BY_ANNOTATION)),
            (
                "ownersBefore",
                "request.operation == 'UPDATE' ? oldObject.?metadata.?ownerReferences.orValue([]) : []".to_owned(),
            ),
            ("compromised", compromised("object")),
            ("compromisedBefore", format!("request.operation == 'UPDATE' && {}", compromised("oldObject"))),
            (
                "sameCsr",
                format!(
                    "request.operation == 'CREATE' ? ({no_csr} || (!variables.agent && {APPROVE})) : ({same_csr})"
                ),
            ),
        ]
        .into_iter()
        .chain(small_metadata())
        .collect(),
        rules: vec![
            (
                "!variables.agent || variables.ownAgent".to_owned(),
                "an agent writes requests in its own cluster's namespace only",
            ),
            (
                "variables.sameCsr || variables.hub || variables.ownAgent".to_owned(),
                "spec.csrData is written by the agent of the request's namespace only; a new request may carry it from \
                 those who may approve on the virtual mesh",
            ),
            (
                "variables.hub || (request.operation == 'CREATE' ? (!variables.agent || variables.asked == '') : \
                 variables.asked == variables.askedBefore)"
                    .to_owned(),
                "annotation meshroot.dev/asked is what people are asked to approve: it is written by the hub only",
            ),
            (
                "!variables.agent || variables.compromised == variables.compromisedBefore".to_owned(),
                "annotation meshroot.dev/reason: an agent neither says that the key of its mesh is believed stolen \
                 (KeyCompromised) nor takes that back",
            ),
            (
                "request.operation == 'CREATE' || !variables.compromised || variables.compromisedBefore".to_owned(),
                "annotation meshroot.dev/reason: that a key is believed stolen (KeyCompromised) is said by a new request: meshroot \
                 renew MESH --reason compromise",
            ),
            (
                format!(
                    "variables.hub || (request.operation == 'CREATE' ? variables.keyBroughtBy == (variables.agent || \
                     variables.csr == '' ? '' : request.userInfo.username) : variables.keyBroughtBy == {})",
                    annotation("oldObject", KEY_BROUGHT_BY_ANNOTATION)
                ),
                "annotation meshroot.dev/key-brought-by: a new request that carries spec.csrData names whoever creates it (kubectl \
                 auth whoami; Kubernetes 1.36 and later put it there), no other request names anybody, and it never changes",
            ),
            (
                "!variables.agent || variables.owners == variables.ownersBefore".to_owned(),
                "metadata.ownerReferences: an agent gives a request no owner, with whose end it would go",
            ),
            (SMALL_METADATA.to_owned(), SMALL_METADATA_MESSAGE),
        ],
    }
}

/// A name stands for one request as long as somebody may be deciding on it.
pub(super) fn deletions() -> Policy {
    Policy {
        name: "meshroot-request-deletions",
        group: "security.zephyr.solo.io",
        resource: "virtualmeshcertificatesigningrequests",
        operations: &["DELETE"],
        variables: vec![
            ("csr", "oldObject.?spec.?csrData.orValue('')".to_owned()),
            ("answer", "oldObject.?status.?response.?caCertificate.orValue('')".to_owned()),
            (
                "approval",
                "oldObject.?status.?thirdPartyApproval.?approvalStatus.orValue('PENDING')".to_owned(),
            ),
            ("state", "oldObject.?status.?computedStatus.?state.orValue('UNKNOWN')".to_owned()),
            ("compromised", compromised("oldObject")),
        ],
        rules: vec![(
            "!variables.agent || variables.answer != '' || !variables.compromised".to_owned(),
            "an agent does not delete a request that says that the key of its mesh is believed stolen and has no answer",
        ), (
            "!variables.agent || variables.csr == '' || variables.answer != '' || variables.approval == 'DENIED' || \
             variables.state in ['INVALID', 'CONFLICT']"
                .to_owned(),
            "an agent does not delete a request that has spec.csrData and no answer: somebody may be deciding on it",
        )],
    }
}

pub(super) fn status() -> Policy {
    let same_response = all(&[
        unchanged("status.?response.?caCertificate", "''"),
        unchanged("status.?response.?rootCertificate", "''"),
    ]);
    let same_state = all(&[
        unchanged("status.?computedStatus.?state", "'UNKNOWN'"),
        unchanged("status.?computedStatus.?message", "''"),
    ]);
    let same_decision = all(&[
        unchanged("status.?thirdPartyApproval.?approvalStatus", "'PENDING'"),
        unchanged("status.?thirdPartyApproval.?message", "''"),
        unchanged("status.?thirdPartyApproval.?lastUpdatedTime", "''"),
    ]);
    let (variables, rules) = signed_decision(&same_decision);
    Policy {
        name: "meshroot-request-status",
        group: "security.zephyr.solo.io",
        resource: "virtualmeshcertificatesigningrequests/status",
        operations: &["UPDATE"],
        variables: [
            ("virtualMesh", "oldObject.?spec.?virtualMeshRef.orValue({})".to_owned()),
            ("virtualMeshName", "variables.virtualMesh[?'name'].orValue('')".to_owned()),
            ("refNamespace", "variables.virtualMesh[?'namespace'].orValue('')".to_owned()),
            ("refCluster", "variables.virtualMesh[?'cluster'].orValue('')".to_owned()),
            ("virtualMeshNamespace", VIRTUAL_MESH_NAMESPACE.to_owned()),
            ("asked", asked("oldObject")),
        ]
        .into_iter()
        .chain(variables)
        .collect(),
        rules: [
            (
                format!("variables.hub || ({same_response})"),
                "status.response is written by the hub only",
            ),
            (
                format!("variables.hub || ({same_state})"),
                "status.computedStatus is written by the hub only",
            ),
            (
                format!("variables.hub || ({same_decision}) || (!variables.agent && {APPROVE})"),
                "status.thirdPartyApproval is written by the hub, and by those who may approve on the virtual mesh \
                 (verb `approve` on virtualmeshes.networking.zephyr.solo.io); never by an agent",
            ),
            (
                format!(
                    "variables.hub || ({same_decision}) || variables.asked != '' || variables.decision != 'APPROVED'"
                ),
                "status.thirdPartyApproval: the hub has not asked anybody to approve this request yet; \
                 status.computedStatus says what it waits for",
            ),
        ]
        .into_iter()
        .chain(rules)
        .collect(),
    }
}
