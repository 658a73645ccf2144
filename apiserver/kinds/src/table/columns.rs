//! Headings of the tables of built-in kinds.

use serde_json::{Value, json};

use crate::kind::Kind;

/// One heading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heading {
    name: &'static str,
    kind: &'static str,
    priority: u8,
}

const fn text(name: &'static str) -> Heading {
    Heading { name, kind: "string", priority: 0 }
}

const fn number(name: &'static str) -> Heading {
    Heading { name, kind: "integer", priority: 0 }
}

const fn date(name: &'static str) -> Heading {
    Heading { name, kind: "date", priority: 0 }
}

const fn flag(name: &'static str) -> Heading {
    Heading { name, kind: "boolean", priority: 0 }
}

impl Heading {
    const fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    pub(super) fn write(&self) -> Value {
        let format = if self.name == "Name" { "name" } else { "" };
        json!({
            "name": self.name,
            "type": self.kind,
            "format": format,
            "description": "",
            "priority": self.priority,
        })
    }
}

pub(super) const NAME: Heading = text("Name");
const AGE: Heading = text("Age");

const NAMESPACE: &[Heading] = &[NAME, text("Status"), AGE];
const SECRET: &[Heading] = &[NAME, text("Type"), text("Data"), AGE];
const CONFIG_MAP: &[Heading] = &[NAME, text("Data"), AGE];
const EVENT: &[Heading] = &[
    text("Last Seen"),
    text("Type"),
    text("Reason"),
    text("Object"),
    text("Subobject").wide(),
    text("Source").wide(),
    text("Message"),
    text("First Seen").wide(),
    text("Count").wide(),
    NAME.wide(),
];
const SERVICE: &[Heading] = &[
    NAME,
    text("Type"),
    text("Cluster-IP"),
    text("External-IP"),
    text("Port(s)"),
    AGE,
    text("Selector").wide(),
];
const ENDPOINTS: &[Heading] = &[NAME, text("Endpoints"), AGE];
const POD: &[Heading] = &[
    NAME,
    text("Ready"),
    text("Status"),
    text("Restarts"),
    AGE,
    text("IP").wide(),
    text("Node").wide(),
    text("Nominated Node").wide(),
    text("Readiness Gates").wide(),
];
const NODE: &[Heading] = &[
    NAME,
    text("Status"),
    text("Roles"),
    AGE,
    text("Version"),
    text("Internal-IP").wide(),
    text("External-IP").wide(),
    text("OS-Image").wide(),
    text("Kernel-Version").wide(),
    text("Container-Runtime").wide(),
];
const DEPLOYMENT: &[Heading] = &[
    NAME,
    text("Ready"),
    text("Up-to-date"),
    text("Available"),
    AGE,
    text("Containers").wide(),
    text("Images").wide(),
    text("Selector").wide(),
];
const REPLICA_SET: &[Heading] = &[
    NAME,
    number("Desired"),
    number("Current"),
    number("Ready"),
    AGE,
    text("Containers").wide(),
    text("Images").wide(),
    text("Selector").wide(),
];
const STATEFUL_SET: &[Heading] =
    &[NAME, text("Ready"), AGE, text("Containers").wide(), text("Images").wide()];
const DAEMON_SET: &[Heading] = &[
    NAME,
    number("Desired"),
    number("Current"),
    number("Ready"),
    number("Up-to-date"),
    number("Available"),
    text("Node Selector"),
    AGE,
    text("Containers").wide(),
    text("Images").wide(),
    text("Selector").wide(),
];
const JOB: &[Heading] = &[
    NAME,
    text("Status"),
    text("Completions"),
    text("Duration"),
    AGE,
    text("Containers").wide(),
    text("Images").wide(),
    text("Selector").wide(),
];
const CRON_JOB: &[Heading] = &[
    NAME,
    text("Schedule"),
    text("Timezone"),
    flag("Suspend"),
    number("Active"),
    text("Last Schedule"),
    AGE,
    text("Containers").wide(),
    text("Images").wide(),
    text("Selector").wide(),
];
const NETWORK_POLICY: &[Heading] = &[NAME, text("Pod-Selector"), AGE];
const POD_DISRUPTION_BUDGET: &[Heading] =
    &[NAME, text("Min Available"), text("Max Unavailable"), number("Allowed Disruptions"), AGE];
const ENDPOINT_SLICE: &[Heading] =
    &[NAME, text("AddressType"), text("Ports"), text("Endpoints"), AGE];
const LEASE: &[Heading] = &[NAME, text("Holder"), AGE];
const ROLE: &[Heading] = &[NAME, date("Created At")];
const ROLE_BINDING: &[Heading] = &[
    NAME,
    text("Role"),
    AGE,
    text("Users").wide(),
    text("Groups").wide(),
    text("ServiceAccounts").wide(),
];
const RESOURCE_QUOTA: &[Heading] = &[NAME, text("Request"), text("Limit"), AGE];
const MUTATING_ADMISSION_POLICY: &[Heading] = &[NAME, number("Mutations"), text("ParamKind"), AGE];
const VALIDATING_ADMISSION_POLICY: &[Heading] =
    &[NAME, number("Validations"), text("ParamKind"), AGE];
const ADMISSION_POLICY_BINDING: &[Heading] = &[NAME, text("PolicyName"), text("ParamRef"), AGE];
const CUSTOM_RESOURCE_DEFINITION: &[Heading] = &[
    NAME,
    text("Scope"),
    text("Versions"),
    date("Created At"),
    text("Group").wide(),
    text("Kind").wide(),
    text("ShortNames").wide(),
    flag("Established").wide(),
];

/// The headings of a built-in kind.
pub(super) fn of(kind: &Kind) -> &'static [Heading] {
    match &*kind.kind {
        "Namespace" => NAMESPACE,
        "Secret" => SECRET,
        "ConfigMap" => CONFIG_MAP,
        "Event" => EVENT,
        "Service" => SERVICE,
        "Endpoints" => ENDPOINTS,
        "Pod" => POD,
        "Node" => NODE,
        "Deployment" => DEPLOYMENT,
        "ReplicaSet" => REPLICA_SET,
        "StatefulSet" => STATEFUL_SET,
        "DaemonSet" => DAEMON_SET,
        "Job" => JOB,
        "CronJob" => CRON_JOB,
        "NetworkPolicy" => NETWORK_POLICY,
        "PodDisruptionBudget" => POD_DISRUPTION_BUDGET,
        "EndpointSlice" => ENDPOINT_SLICE,
        "Lease" => LEASE,
        "Role" | "ClusterRole" => ROLE,
        "RoleBinding" | "ClusterRoleBinding" => ROLE_BINDING,
        "ResourceQuota" => RESOURCE_QUOTA,
        "MutatingAdmissionPolicy" => MUTATING_ADMISSION_POLICY,
        "ValidatingAdmissionPolicy" => VALIDATING_ADMISSION_POLICY,
        "MutatingAdmissionPolicyBinding" | "ValidatingAdmissionPolicyBinding" => {
            ADMISSION_POLICY_BINDING
        }
        "CustomResourceDefinition" => CUSTOM_RESOURCE_DEFINITION,
        _ => &[NAME, AGE],
    }
}
