//! Rights by field, which roles cannot tell apart: admission policies, beside the rules in the CRDs.
//!
//! In an admission policy a custom object is untyped: a field called `namespace` is read as
//! `ref['namespace']` (in a CRD's rule it is `ref.__namespace__`), and bytes are base64 text.

mod approvals;
mod requests;

use serde_json::{Value, json};

use crate::metadata;
use meshroot_api::names::AGENT_SERVICE_ACCOUNT;

pub use approvals::mutating_policies;

const GROUP: &str = "admissionregistration.k8s.io/v1";

/// What is asked about the right to have meshes join.
const JOIN: &str = "authorizer.group('discovery.zephyr.solo.io').resource('meshes')";

/// Whether the one who asks may approve on the virtual mesh that the policy's variables name.
const APPROVE: &str = "authorizer.group('networking.zephyr.solo.io').resource('virtualmeshes')\
                       .namespace(variables.virtualMeshNamespace).name(variables.virtualMeshName)\
                       .check('approve').allowed()";

/// As the hub resolves it: without a namespace that of the cluster where one is named, else the request's own.
const VIRTUAL_MESH_NAMESPACE: &str = "variables.refNamespace != '' ? variables.refNamespace : \
                                      (variables.refCluster != '' ? 'meshroot-cluster-' + variables.refCluster : \
                                      request.namespace)";

/// The ValidatingAdmissionPolicies, each followed by its binding. `hub_user` is the user name of the hub
/// ([`crate::hub_user`]).
///
/// They bind every client, cluster administrators too; only a deletion is left to roles (agents excepted).
/// A policy that cannot be evaluated refuses (`failurePolicy: Fail`). A new policy acts within seconds,
/// not at once.
pub fn policies(hub_user: &str) -> Vec<Value> {
    let policies = [
        requests::spec(),
        requests::deletions(),
        meshes(),
        requests::status(),
        approvals::request_approvals(),
        virtual_meshes(),
        trust_policies(),
        root_rotations(),
        mesh_trusts(),
        mesh_trust_status(),
        issuance_records(),
        agent_tokens(),
    ];
    policies.iter().flat_map(|policy| [policy.object(hub_user), policy.binding()]).collect()
}

/// A name and what stands for it.
type Variable = (&'static str, String);
/// What must hold, and what is said where it does not.
type Rule = (String, &'static str);

struct Policy {
    name: &'static str,
    group: &'static str,
    resource: &'static str,
    operations: &'static [&'static str],
    variables: Vec<Variable>,
    rules: Vec<Rule>,
}

impl Policy {
    fn object(&self, hub_user: &str) -> Value {
        let variables = who(hub_user).into_iter().chain(self.variables.iter().cloned());
        let variables =
            variables.map(|(name, expression)| json!({ "name": name, "expression": expression }));
        let validations = self.rules.iter().map(
            |(expression, message)| json!({ "expression": expression, "message": message, "reason": "Forbidden" }),
        );
        json!({
            "apiVersion": GROUP,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": metadata(self.name, None),
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": [self.group],
                    "apiVersions": ["*"],
                    "operations": self.operations,
                    "resources": [self.resource],
                }] },
                "variables": variables.collect::<Vec<_>>(),
                "validations": validations.collect::<Vec<_>>(),
            },
        })
    }

    fn binding(&self) -> Value {
        json!({
            "apiVersion": GROUP,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": metadata(self.name, None),
            "spec": { "policyName": self.name, "validationActions": ["Deny"] },
        })
    }
}

/// Who asks: the hub, any agent, the agent that the object's namespace belongs to.
fn who(hub_user: &str) -> [(&'static str, String); 3] {
    let agent =
        format!("'system:serviceaccount:' + request.namespace + ':{AGENT_SERVICE_ACCOUNT}'");
    [
        ("hub", format!("request.userInfo.username == '{hub_user}'")),
        (
            "agent",
            "request.userInfo.username.startsWith('system:serviceaccount:meshroot-cluster-')"
                .to_owned(),
        ),
        ("ownAgent", format!("request.userInfo.username == {agent}")),
    ]
}

/// `part` of the object equals that of the old object, where absent and `default` are the same.
fn unchanged(part: &str, default: &str) -> String {
    format!("object.?{part}.orValue({default}) == oldObject.?{part}.orValue({default})")
}

/// Annotations may hold 256 KiB and owners any text, and the hub keeps all Meshes and requests in memory.
/// The test of the largest objects counts with these numbers.
const SMALL_METADATA: &str = "!variables.agent || (\
    variables.annotations.size() <= 16 && \
    variables.annotations.all(key, variables.annotations[key].size() <= 512) && \
    object.metadata.?labels.orValue({}).size() <= 32 && \
    object.metadata.?finalizers.orValue([]).size() <= 4 && \
    variables.owners.size() <= 2 && \
    variables.owners.all(owner, [owner.apiVersion, owner.kind, owner.name, owner.uid].all(text, text.size() <= 253)))";
const SMALL_METADATA_MESSAGE: &str = "metadata: an agent writes at most 16 annotations of at most 512 characters, 32 \
    labels, 4 finalizers, and 2 owners whose names have at most 253 characters";

fn small_metadata() -> [(&'static str, String); 2] {
    [
        ("annotations", "object.?metadata.?annotations.orValue({})".to_owned()),
        ("owners", "object.?metadata.?ownerReferences.orValue([])".to_owned()),
    ]
}

fn meshes() -> Policy {
    Policy {
        name: "meshroot-meshes",
        group: "discovery.zephyr.solo.io",
        resource: "meshes",
        operations: &["CREATE", "UPDATE"],
        variables: small_metadata().to_vec(),
        rules: vec![(SMALL_METADATA.to_owned(), SMALL_METADATA_MESSAGE)],
    }
}

/// The owner of a Mesh decides which virtual mesh it may join. One question to the authorizer costs 350,000 of the
/// 1,000,000 that an expression may cost, so each is a variable of its own, and there is none for each member.
fn virtual_meshes() -> Policy {
    let namespace = |member: &str| {
        format!(
            "({member}[?'namespace'].orValue('') != '' ? {member}[?'namespace'].orValue('') : \
             ({member}[?'cluster'].orValue('') != '' ? 'meshroot-cluster-' + {member}[?'cluster'].orValue('') : \
             request.namespace))"
        )
    };
    let all_in_first =
        format!("variables.added.all(member, {} == variables.firstNamespace)", namespace("member"));
    Policy {
        name: "meshroot-virtual-meshes",
        group: "networking.zephyr.solo.io",
        resource: "virtualmeshes",
        operations: &["CREATE", "UPDATE"],
        variables: vec![
            ("members", "object.?spec.?meshes.orValue([])".to_owned()),
            (
                "before",
                "request.operation == 'UPDATE' ? oldObject.?spec.?meshes.orValue([]) : []".to_owned(),
            ),
            (
                "added",
                "variables.members.filter(member, !(member in variables.before))".to_owned(),
            ),
            ("firstNamespace", namespace("variables.added[0]")),
            ("joinsAny", format!("{JOIN}.check('join').allowed()")),
            (
                "joinsCluster",
                format!("{all_in_first} && {JOIN}.namespace(variables.firstNamespace).check('join').allowed()"),
            ),
            (
                "joinsOne",
                format!(
                    "variables.added.size() == 1 && {JOIN}.namespace(variables.firstNamespace)\
                     .name(variables.added[0][?'name'].orValue('')).check('join').allowed()"
                ),
            ),
        ],
        rules: vec![(
            "variables.added.size() == 0 || variables.joinsAny || variables.joinsCluster || variables.joinsOne"
                .to_owned(),
            "spec.meshes: a Mesh joins by whoever holds the verb `join` on it (meshes.discovery.zephyr.solo.io): on all \
             of them, on those in one namespace for new members from there, or on one for one new member at a time",
        )],
    }
}

/// Whoever may write policies in one namespace governs no virtual mesh of another.
fn trust_policies() -> Policy {
    beside_virtual_mesh(
        "meshroot-trust-policies",
        "trustpolicies",
        "spec.virtualMeshRef: a TrustPolicy is for a VirtualMesh of its own namespace; create it there",
    )
}

/// Nor does he replace its root.
fn root_rotations() -> Policy {
    let mut policy = beside_virtual_mesh(
        "meshroot-root-rotations",
        "rootrotations",
        "spec.virtualMeshRef: a RootRotation is for a VirtualMesh of its own namespace; create it there",
    );
    policy.rules.push((
        "request.operation == 'UPDATE' || object.metadata.name.matches('^[^.]+[.]([2-9]|[1-9][0-9]{1,5})$') && \
         object.metadata.name.startsWith(object.?spec.?virtualMeshRef.?name.orValue('') + '.')"
            .to_owned(),
        "metadata.name: a RootRotation is called <virtual mesh>.<number of the new root>, from 2 on: demo.2",
    ));
    policy.rules.push((
        "request.operation == 'CREATE' || !object.?spec.?rollback.orValue(false) || \
         oldObject.?spec.?rollback.orValue(false) || oldObject.?status.?step.orValue('') != 'Complete'"
            .to_owned(),
        "spec.rollback: it is complete, and nothing leads back; replace the root again with the next number",
    ));
    policy
}

fn beside_virtual_mesh(
    name: &'static str,
    resource: &'static str,
    message: &'static str,
) -> Policy {
    let reference = "object.?spec.?virtualMeshRef.orValue({})";
    Policy {
        name,
        group: "meshroot.dev",
        resource,
        operations: &["CREATE", "UPDATE"],
        variables: vec![
            ("refNamespace", format!("{reference}[?'namespace'].orValue('')")),
            ("refCluster", format!("{reference}[?'cluster'].orValue('')")),
            (
                "sameSpec",
                "request.operation == 'UPDATE' && object.spec == oldObject.spec".to_owned(),
            ),
        ],
        rules: vec![(
            "variables.sameSpec || (variables.refNamespace in ['', request.namespace] && variables.refCluster == '')"
                .to_owned(),
            message,
        )],
    }
}

fn mesh_trusts() -> Policy {
    Policy {
        name: "meshroot-mesh-trusts",
        group: "meshroot.dev",
        resource: "meshtrusts",
        operations: &["CREATE", "UPDATE"],
        variables: vec![(
            "sameSpec",
            "request.operation == 'UPDATE' && object.spec == oldObject.spec".to_owned(),
        )],
        rules: vec![
            (
                "!variables.agent".to_owned(),
                "a MeshTrust is created and changed by the hub; an agent writes its status",
            ),
            (
                "variables.hub || variables.sameSpec".to_owned(),
                "spec of a MeshTrust is written by the hub only",
            ),
        ],
    }
}

fn mesh_trust_status() -> Policy {
    Policy {
        name: "meshroot-mesh-trust-status",
        group: "meshroot.dev",
        resource: "meshtrusts/status",
        operations: &["UPDATE"],
        variables: vec![],
        rules: vec![(
            "variables.ownAgent".to_owned(),
            "status of a MeshTrust is written by the agent of its namespace only",
        )],
    }
}

/// What an agent asks for is 30 days: one that was stolen gets nothing better.
fn agent_tokens() -> Policy {
    Policy {
        name: "meshroot-agent-tokens",
        group: "",
        resource: "serviceaccounts/token",
        operations: &["CREATE"],
        variables: vec![],
        rules: vec![(
            "!variables.agent || object.?spec.?expirationSeconds.orValue(3600) <= 2592000"
                .to_owned(),
            "spec.expirationSeconds: an agent's token lives 30 days (2592000) at most",
        )],
    }
}

fn issuance_records() -> Policy {
    // What decides whether the record is kept, and what people search by, belongs to the record.
    // Finalizers may go once it is being deleted, or that would never end.
    let same = all(&[
        "object.spec == oldObject.spec".to_owned(),
        unchanged("metadata.?labels", "{}"),
        unchanged("metadata.?annotations", "{}"),
        unchanged("metadata.?ownerReferences", "[]"),
        format!(
            "(has(oldObject.metadata.deletionTimestamp) || {})",
            unchanged("metadata.?finalizers", "[]")
        ),
    ]);
    Policy {
        name: "meshroot-issuance-records",
        group: "meshroot.dev",
        resource: "issuancerecords",
        operations: &["CREATE", "UPDATE", "DELETE"],
        variables: vec![],
        rules: vec![
            (
                "request.operation != 'CREATE' || variables.hub".to_owned(),
                "an IssuanceRecord is created by the hub only",
            ),
            (
                format!("request.operation != 'UPDATE' || ({same})"),
                "an IssuanceRecord never changes",
            ),
            (
                "request.operation != 'DELETE' || !variables.agent".to_owned(),
                "an IssuanceRecord is never deleted by an agent",
            ),
        ],
    }
}

fn all(conditions: &[String]) -> String {
    conditions.join(" && ")
}
