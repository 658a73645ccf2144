//! Who approved is a fact: a decision carries the name that the API server knows its writer by.

use meshroot_api::names::KEY_BROUGHT_BY_ANNOTATION;
use meshroot_api::security::ApprovalStatus;
use serde_json::{Value, json};

use super::{APPROVE, GROUP, Policy, Rule, VIRTUAL_MESH_NAMESPACE, Variable};
use crate::metadata;

const REQUEST_APPROVALS: &str = "requestapprovals";

/// An approval is of whoever writes it, and of one who may.
pub(super) fn request_approvals() -> Policy {
    Policy {
        name: "meshroot-request-approvals",
        group: "meshroot.dev",
        resource: REQUEST_APPROVALS,
        operations: &["CREATE", "UPDATE", "DELETE"],
        variables: vec![
            (
                "virtualMesh",
                "(request.operation == 'DELETE' ? oldObject : object).?spec.?virtualMeshRef.orValue({})".to_owned(),
            ),
            ("virtualMeshName", "variables.virtualMesh[?'name'].orValue('')".to_owned()),
            ("refNamespace", "variables.virtualMesh[?'namespace'].orValue('')".to_owned()),
            ("refCluster", "variables.virtualMesh[?'cluster'].orValue('')".to_owned()),
            ("virtualMeshNamespace", VIRTUAL_MESH_NAMESPACE.to_owned()),
        ],
        rules: vec![
            (
                format!("request.operation != 'CREATE' || (!variables.agent && {APPROVE})"),
                "a RequestApproval is created by those who may approve on the virtual mesh (verb `approve` on \
                 virtualmeshes.networking.zephyr.solo.io); never by an agent",
            ),
            (
                "request.operation != 'CREATE' || object.?spec.?user.orValue('') == request.userInfo.username".to_owned(),
                "spec.user is the name of whoever creates the RequestApproval: kubectl auth whoami tells yours",
            ),
            (
                "request.operation != 'DELETE' || !variables.agent".to_owned(),
                "a RequestApproval is never deleted by an agent",
            ),
            (
                // Whoever collects what has lost its owner, or a namespace that goes.
                format!(
                    "request.operation != 'DELETE' || oldObject.?spec.?user.orValue('') == request.userInfo.username || \
                     request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || {APPROVE}"
                ),
                "a RequestApproval is withdrawn by whoever gave it, or by those who may approve on its virtual mesh",
            ),
        ],
    }
}

/// A message that a decision of `user` may have: a CEL expression.
fn is_signed(message: &str, signature: &str) -> String {
    format!("({message} == {signature} || {message}.startsWith({signature} + ': '))")
}

const DECISION: &str = "object.?status.?thirdPartyApproval.?approvalStatus.orValue('PENDING')";
const DECISION_BEFORE: &str =
    "oldObject.?status.?thirdPartyApproval.?approvalStatus.orValue('PENDING')";

/// How the message of the decision that is being written must begin.
fn signature() -> String {
    let [approved, denied] =
        [ApprovalStatus::Approved, ApprovalStatus::Denied].map(ApprovalStatus::signature);
    format!("({DECISION} == 'DENIED' ? '{denied}' : '{approved}') + request.userInfo.username")
}

/// What the policy of requests' status asks about the name: variables, and rules.
pub(super) fn signed_decision(same_decision: &str) -> (Vec<Variable>, Vec<Rule>) {
    let variables = vec![
        ("decision", DECISION.to_owned()),
        ("decisionBefore", DECISION_BEFORE.to_owned()),
        (
            "decides",
            "variables.decision != 'PENDING' && variables.decisionBefore == 'PENDING'".to_owned(),
        ),
        ("signature", signature()),
        ("message", "object.?status.?thirdPartyApproval.?message.orValue('')".to_owned()),
    ];
    let signed = is_signed("variables.message", "variables.signature");
    let rules = vec![
        (
            format!("variables.hub || !variables.decides || {signed}"),
            "status.thirdPartyApproval.message: a decision names whoever writes it: `approved by NAME: why`, or `denied by \
             NAME: why`, where NAME is what kubectl auth whoami tells; Kubernetes 1.36 and later put it there",
        ),
        (
            "variables.hub || !variables.decides || (!request.userInfo.username.contains(': ') && \
             request.userInfo.username.size() <= 1024)"
                .to_owned(),
            "a user name of more than 1024 characters, or with a colon and a space in it, cannot stand in \
             status.thirdPartyApproval.message",
        ),
        (
            format!("variables.hub || variables.decisionBefore == 'PENDING' || ({same_decision})"),
            "status.thirdPartyApproval is final once it is APPROVED or DENIED",
        ),
        (
            "variables.hub || variables.decision != 'APPROVED' || variables.decisionBefore == 'APPROVED' || \
             !variables.asked.contains('\"approvals\":')"
                .to_owned(),
            "status.thirdPartyApproval: several people must approve this request, each with a RequestApproval: meshroot \
             approve",
        ),
    ];
    (variables, rules)
}

/// The MutatingAdmissionPolicies, each followed by its binding: they put the name there, where whoever writes leaves it
/// out. `version` is that in which the API server serves them: `v1` from Kubernetes 1.36 on.
///
/// They are a convenience: it is the validating policies that hold, with and without them.
pub fn mutating_policies(hub_user: &str, version: &str) -> Vec<Value> {
    let approval = Mutation {
        name: "meshroot-request-approval-user",
        group: "meshroot.dev",
        resource: REQUEST_APPROVALS,
        operation: "CREATE",
        condition: "object.?spec.?user.orValue('') == ''".to_owned(),
        variables: json!([]),
        patch: "[JSONPatch{op: 'add', path: '/spec/user', value: request.userInfo.username}]"
            .to_owned(),
    };
    let key = Mutation {
        name: "meshroot-request-key-user",
        group: "security.zephyr.solo.io",
        resource: "virtualmeshcertificatesigningrequests",
        operation: "CREATE",
        condition: format!(
            "request.userInfo.username != '{hub_user}' && \
             !request.userInfo.username.startsWith('system:serviceaccount:meshroot-cluster-') && \
             object.?spec.?csrData.orValue('') != '' && \
             object.?metadata.?annotations[?'{KEY_BROUGHT_BY_ANNOTATION}'].orValue('') == ''"
        ),
        variables: json!([]),
        patch: format!(
            "has(object.metadata.annotations) ? [JSONPatch{{op: 'add', path: '/metadata/annotations/' + \
             jsonpatch.escapeKey('{KEY_BROUGHT_BY_ANNOTATION}'), value: request.userInfo.username}}] : [JSONPatch{{op: \
             'add', path: '/metadata/annotations', value: {{'{KEY_BROUGHT_BY_ANNOTATION}': request.userInfo.username}}}}]"
        ),
    };
    let signed = is_signed("variables.message", "variables.signature");
    let decision = Mutation {
        name: "meshroot-request-status-user",
        group: "security.zephyr.solo.io",
        resource: "virtualmeshcertificatesigningrequests/status",
        operation: "UPDATE",
        condition: format!(
            "request.userInfo.username != '{hub_user}' && {DECISION} != 'PENDING' && {DECISION_BEFORE} == 'PENDING'"
        ),
        variables: json!([
            { "name": "signature", "expression": signature() },
            { "name": "message", "expression": "object.?status.?thirdPartyApproval.?message.orValue('')" },
        ]),
        patch: format!(
            "{signed} ? [] : [JSONPatch{{op: 'add', path: '/status/thirdPartyApproval/message', value: variables.message \
             == '' ? variables.signature : variables.signature + ': ' + variables.message}}]"
        ),
    };
    [approval, key, decision].iter().flat_map(|mutation| mutation.objects(version)).collect()
}

struct Mutation {
    name: &'static str,
    group: &'static str,
    resource: &'static str,
    operation: &'static str,
    condition: String,
    variables: Value,
    patch: String,
}

impl Mutation {
    fn objects(&self, version: &str) -> [Value; 2] {
        let group = GROUP.split('/').next().unwrap_or_default();
        let api = format!("{group}/{version}");
        let mut spec = json!({
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [self.group],
                "apiVersions": ["*"],
                "operations": [self.operation],
                "resources": [self.resource],
            }] },
            "matchConditions": [{ "name": "without-a-name", "expression": self.condition }],
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": self.patch } }],
        });
        if self.variables.as_array().is_some_and(|variables| !variables.is_empty()) {
            spec["variables"] = self.variables.clone();
        }
        [
            json!({
                "apiVersion": api, "kind": "MutatingAdmissionPolicy",
                "metadata": metadata(self.name, None), "spec": spec,
            }),
            json!({
                "apiVersion": api, "kind": "MutatingAdmissionPolicyBinding",
                "metadata": metadata(self.name, None), "spec": { "policyName": self.name },
            }),
        ]
    }
}
