//! Collections whose objects this server reads itself.

pub(crate) const NAMESPACES: &str = "core/namespaces";
pub(crate) const SERVICE_ACCOUNTS: &str = "core/serviceaccounts";
pub(crate) const QUOTAS: &str = "core/resourcequotas";
pub(crate) const SECRETS: &str = "core/secrets";
pub(crate) const PODS: &str = "core/pods";
pub(crate) const NODES: &str = "core/nodes";
pub(crate) const EVENTS: &str = "core/events";
pub(crate) const DEFINITIONS: &str = "apiextensions.k8s.io/customresourcedefinitions";
pub(crate) const MUTATING_POLICIES: &str = "admissionregistration.k8s.io/mutatingadmissionpolicies";
pub(crate) const MUTATING_BINDINGS: &str =
    "admissionregistration.k8s.io/mutatingadmissionpolicybindings";
pub(crate) const POLICIES: &str = "admissionregistration.k8s.io/validatingadmissionpolicies";
pub(crate) const BINDINGS: &str = "admissionregistration.k8s.io/validatingadmissionpolicybindings";
pub(crate) const CLUSTER_ROLES: &str = "rbac.authorization.k8s.io/clusterroles";
pub(crate) const CLUSTER_ROLE_BINDINGS: &str = "rbac.authorization.k8s.io/clusterrolebindings";
pub(crate) const ROLES: &str = "rbac.authorization.k8s.io/roles";
pub(crate) const ROLE_BINDINGS: &str = "rbac.authorization.k8s.io/rolebindings";
