//! Who owns what in fields of built-in kinds, and how a strategic merge patch treats them: `x-kubernetes-list-type`,
//! `x-kubernetes-map-type`, `x-kubernetes-patch-strategy` and their keys as the OpenAPI document of kube-apiserver 1.37
//! has them. What is not in the tables is the rule: lists have one owner and are replaced, objects are merged by field.

/// Owners of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// One for the whole list.
    Atomic,
    /// One for the whole object.
    AtomicMap,
    /// One for each value.
    Set,
    /// One for each entry, told apart by these fields.
    Keyed(&'static [&'static str]),
}

/// What a strategic merge patch does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strategy {
    pub(crate) merge: bool,
    pub(crate) key: Option<&'static str>,
    pub(crate) retain_keys: bool,
}

/// One field that is not as the rule has it.
pub(crate) type Row = (&'static str, &'static str, Owners, Strategy);

const ATOMIC: Owners = Owners::Atomic;
const ATOMIC_MAP: Owners = Owners::AtomicMap;
const SET: Owners = Owners::Set;
const REPLACE: Strategy = Strategy { merge: false, key: None, retain_keys: false };
const MERGE: Strategy = Strategy { merge: true, key: None, retain_keys: false };
const RETAIN: Strategy = Strategy { merge: false, key: None, retain_keys: true };

const fn keyed(keys: &'static [&'static str]) -> Owners {
    Owners::Keyed(keys)
}

const fn by(key: &'static str) -> Strategy {
    Strategy { merge: true, key: Some(key), retain_keys: false }
}

const fn by_retaining(key: &'static str) -> Strategy {
    Strategy { merge: true, key: Some(key), retain_keys: true }
}

/// Sorted by definition and field; definitions without their prefix (`io.k8s.api.` and the like).
pub(crate) const FIELDS: &[Row] = &[
    (
        "admissionregistration.v1.MutatingAdmissionPolicySpec",
        "matchConditions",
        keyed(&["name"]),
        by("name"),
    ),
    (
        "admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec",
        "validationActions",
        SET,
        REPLACE,
    ),
    (
        "admissionregistration.v1.ValidatingAdmissionPolicySpec",
        "matchConditions",
        keyed(&["name"]),
        by("name"),
    ),
    (
        "admissionregistration.v1.ValidatingAdmissionPolicySpec",
        "variables",
        keyed(&["name"]),
        by("name"),
    ),
    (
        "admissionregistration.v1.ValidatingAdmissionPolicyStatus",
        "conditions",
        keyed(&["type"]),
        REPLACE,
    ),
    ("apiextensions.v1.CustomResourceDefinitionStatus", "conditions", keyed(&["type"]), REPLACE),
    ("apiextensions.v1.JSONSchemaProps", "x-kubernetes-validations", keyed(&["rule"]), by("rule")),
    ("apps.v1.DaemonSetStatus", "conditions", keyed(&["type"]), by("type")),
    ("apps.v1.DeploymentSpec", "strategy", ATOMIC, RETAIN),
    ("apps.v1.DeploymentStatus", "conditions", keyed(&["type"]), by("type")),
    ("apps.v1.ReplicaSetStatus", "conditions", keyed(&["type"]), by("type")),
    ("apps.v1.StatefulSetStatus", "conditions", keyed(&["type"]), by("type")),
    ("batch.v1.JobSchedulingConfiguration", "resourceClaims", keyed(&["name"]), by("name")),
    ("batch.v1.JobStatus", "conditions", ATOMIC, by("type")),
    ("batch.v1.PodFailurePolicyOnExitCodesRequirement", "values", SET, REPLACE),
    ("batch.v1.UncountedTerminatedPods", "failed", SET, REPLACE),
    ("batch.v1.UncountedTerminatedPods", "succeeded", SET, REPLACE),
    ("core.v1.Container", "env", keyed(&["name"]), by("name")),
    ("core.v1.Container", "ports", keyed(&["containerPort", "protocol"]), by("containerPort")),
    ("core.v1.Container", "volumeDevices", keyed(&["devicePath"]), by("devicePath")),
    ("core.v1.Container", "volumeMounts", keyed(&["mountPath"]), by("mountPath")),
    ("core.v1.ContainerRestartRuleOnExitCodes", "values", SET, REPLACE),
    ("core.v1.ContainerStatus", "allocatedResourcesStatus", keyed(&["name"]), by("name")),
    ("core.v1.ContainerStatus", "volumeMounts", keyed(&["mountPath"]), by("mountPath")),
    ("core.v1.EphemeralContainer", "env", keyed(&["name"]), by("name")),
    (
        "core.v1.EphemeralContainer",
        "ports",
        keyed(&["containerPort", "protocol"]),
        by("containerPort"),
    ),
    ("core.v1.EphemeralContainer", "volumeDevices", keyed(&["devicePath"]), by("devicePath")),
    ("core.v1.EphemeralContainer", "volumeMounts", keyed(&["mountPath"]), by("mountPath")),
    ("core.v1.NamespaceStatus", "conditions", keyed(&["type"]), by("type")),
    ("core.v1.NodeAllocatableResourceClaimStatus", "containers", SET, REPLACE),
    ("core.v1.NodeAllocatableResourceClaimStatus", "mapping", keyed(&["name"]), by("name")),
    ("core.v1.NodeAllocatableResourceClaimStatus", "overhead", keyed(&["name"]), by("name")),
    ("core.v1.NodePodPreemptionPolicy", "disableResizePreemption", SET, REPLACE),
    ("core.v1.NodeSpec", "podCIDRs", SET, MERGE),
    ("core.v1.NodeStatus", "addresses", keyed(&["type"]), by("type")),
    ("core.v1.NodeStatus", "conditions", keyed(&["type"]), by("type")),
    ("core.v1.PersistentVolumeClaimStatus", "conditions", keyed(&["type"]), by("type")),
    ("core.v1.PodSpec", "containers", keyed(&["name"]), by("name")),
    ("core.v1.PodSpec", "ephemeralContainers", keyed(&["name"]), by("name")),
    ("core.v1.PodSpec", "evictionResponders", keyed(&["name"]), by("name")),
    ("core.v1.PodSpec", "hostAliases", keyed(&["ip"]), by("ip")),
    ("core.v1.PodSpec", "imagePullSecrets", keyed(&["name"]), by("name")),
    ("core.v1.PodSpec", "initContainers", keyed(&["name"]), by("name")),
    ("core.v1.PodSpec", "nodeSelector", ATOMIC_MAP, REPLACE),
    ("core.v1.PodSpec", "resourceClaims", keyed(&["name"]), by_retaining("name")),
    ("core.v1.PodSpec", "schedulingGates", keyed(&["name"]), by("name")),
    (
        "core.v1.PodSpec",
        "topologySpreadConstraints",
        keyed(&["topologyKey", "whenUnsatisfiable"]),
        by("topologyKey"),
    ),
    ("core.v1.PodSpec", "volumes", keyed(&["name"]), by_retaining("name")),
    ("core.v1.PodStatus", "conditions", keyed(&["type"]), by("type")),
    ("core.v1.PodStatus", "hostIPs", ATOMIC, by("ip")),
    (
        "core.v1.PodStatus",
        "nodeAllocatableResourceClaimStatuses",
        keyed(&["resourceClaimName"]),
        by("resourceClaimName"),
    ),
    ("core.v1.PodStatus", "podIPs", keyed(&["ip"]), by("ip")),
    ("core.v1.PodStatus", "resourceClaimStatuses", keyed(&["name"]), by_retaining("name")),
    ("core.v1.PodStatus", "volumeHealth", keyed(&["name"]), REPLACE),
    ("core.v1.PodVolumeHealth", "healthConditions", keyed(&["status", "reason"]), by("status")),
    ("core.v1.ResourceRequirements", "claims", keyed(&["name"]), REPLACE),
    ("core.v1.ResourceStatus", "resources", keyed(&["resourceID"]), REPLACE),
    ("core.v1.ServiceAccount", "secrets", keyed(&["name"]), by("name")),
    ("core.v1.ServiceSpec", "ports", keyed(&["port", "protocol"]), by("port")),
    ("core.v1.ServiceSpec", "selector", ATOMIC_MAP, REPLACE),
    ("core.v1.ServiceStatus", "conditions", keyed(&["type"]), by("type")),
    ("core.v1.VolumeHealthStatus", "healthConditions", keyed(&["status", "reason"]), by("status")),
    ("core.v1.VolumeMount", "bindMountOptions", SET, REPLACE),
    ("discovery.v1.Endpoint", "addresses", SET, REPLACE),
    ("meta.v1.ObjectMeta", "finalizers", SET, MERGE),
    ("meta.v1.ObjectMeta", "ownerReferences", keyed(&["uid"]), by("uid")),
    ("policy.v1.PodDisruptionBudgetStatus", "conditions", keyed(&["type"]), by("type")),
];

/// Definitions that have one owner as a whole wherever they are used; sorted.
pub(crate) const ATOMIC_DEFINITIONS: &[&str] = &[
    "admissionregistration.v1.MatchResources",
    "admissionregistration.v1.NamedRuleWithOperations",
    "admissionregistration.v1.ParamKind",
    "admissionregistration.v1.ParamRef",
    "admissionregistration.v1.Variable",
    "core.v1.ConfigMapKeySelector",
    "core.v1.EndpointAddress",
    "core.v1.EndpointPort",
    "core.v1.EvictionResponder",
    "core.v1.FileKeySelector",
    "core.v1.LocalObjectReference",
    "core.v1.NodeSelector",
    "core.v1.NodeSelectorTerm",
    "core.v1.ObjectFieldSelector",
    "core.v1.ObjectReference",
    "core.v1.ResourceFieldSelector",
    "core.v1.ScopeSelector",
    "core.v1.SecretKeySelector",
    "core.v1.TypedLocalObjectReference",
    "discovery.v1.EndpointPort",
    "meta.v1.LabelSelector",
    "meta.v1.OwnerReference",
    "rbac.v1.RoleRef",
    "rbac.v1.Subject",
];

/// Text that a field has where it is absent; sorted.
pub(crate) const DEFAULTS: &[(&str, &str, &str)] = &[
    ("core.v1.AzureDiskVolumeSource", "cachingMode", "ReadWrite"),
    ("core.v1.AzureDiskVolumeSource", "fsType", "ext4"),
    ("core.v1.AzureDiskVolumeSource", "kind", "Shared"),
    ("core.v1.ContainerPort", "protocol", "TCP"),
    ("core.v1.ISCSIVolumeSource", "iscsiInterface", "default"),
    ("core.v1.RBDVolumeSource", "keyring", "/etc/ceph/keyring"),
    ("core.v1.RBDVolumeSource", "pool", "rbd"),
    ("core.v1.RBDVolumeSource", "user", "admin"),
    ("core.v1.ScaleIOVolumeSource", "fsType", "xfs"),
    ("core.v1.ScaleIOVolumeSource", "storageMode", "ThinProvisioned"),
    ("core.v1.ServicePort", "protocol", "TCP"),
];
