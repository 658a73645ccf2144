//! The kinds that every server has.

use std::sync::{Arc, OnceLock};

use apiserver_object::{Subresource, Verb};
use k8s_openapi::api::admissionregistration::v1 as admission;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::api::{
    apps::v1 as apps, batch::v1 as batch, coordination::v1 as coordination, core::v1 as core,
};
use k8s_openapi::api::{
    authentication::v1 as authentication, authorization::v1 as authorization, rbac::v1 as rbac,
};
use k8s_openapi::api::{
    discovery::v1 as discovery, events::v1 as events, networking::v1 as networking,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;

use crate::definitions::{Definition, definition};
use crate::kind::{
    ASKED, BuiltinSource, Kind, NameRule, STORED, STORED_SINGLY, Scale, Source, Subresources,
};

/// Group of the review kinds that say who the caller is.
const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// One built-in kind, as far as it differs from the rule.
struct Row {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    fields: &'static [&'static str],
    subresources: &'static [Subresource],
    generation: bool,
    name_rule: NameRule,
    verbs: &'static [Verb],
    source: BuiltinSource,
}

impl Row {
    const fn new(
        group: &'static str,
        kind: &'static str,
        plural: &'static str,
        shape: Definition,
    ) -> Self {
        Self {
            group,
            kind,
            plural,
            namespaced: true,
            short_names: &[],
            categories: &[],
            fields: &[],
            subresources: &[],
            generation: false,
            name_rule: NameRule::Subdomain,
            verbs: STORED,
            source: BuiltinSource { definition: shape, schema: OnceLock::new() },
        }
    }

    const fn cluster(mut self) -> Self {
        self.namespaced = false;
        self
    }

    const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short_names = names;
        self
    }

    const fn categories(mut self, categories: &'static [&'static str]) -> Self {
        self.categories = categories;
        self
    }

    const fn fields(mut self, fields: &'static [&'static str]) -> Self {
        self.fields = fields;
        self
    }

    const fn subresources(mut self, names: &'static [Subresource]) -> Self {
        self.subresources = names;
        self
    }

    const fn generation(mut self) -> Self {
        self.generation = true;
        self
    }

    const fn named(mut self, rule: NameRule) -> Self {
        self.name_rule = rule;
        self
    }

    const fn verbs(mut self, verbs: &'static [Verb]) -> Self {
        self.verbs = verbs;
        self
    }

    fn has(&self, subresource: Subresource) -> bool {
        self.subresources.contains(&subresource)
    }

    fn kind(&'static self) -> Kind {
        let collection_group = match self.group {
            "" | "events.k8s.io" => "core",
            group => group,
        };
        let scale = self.has(Subresource::Scale).then(|| Scale {
            spec_replicas_path: ".spec.replicas".to_owned(),
            status_replicas_path: ".status.replicas".to_owned(),
            label_selector_path: Some(".spec.selector".to_owned()),
        });
        Kind {
            group: self.group.into(),
            version: "v1".into(),
            kind: self.kind.into(),
            list_kind: format!("{}List", self.kind).into(),
            plural: self.plural.into(),
            singular: self.kind.to_ascii_lowercase().into(),
            short_names: self.short_names.iter().map(|&name| name.into()).collect(),
            categories: self.categories.iter().map(|&name| name.into()).collect(),
            namespaced: self.namespaced,
            storage_collection: format!("{collection_group}/{}", self.plural).into(),
            verbs: self.verbs,
            subresources: Subresources {
                status: self.has(Subresource::Status),
                scale,
                token: self.has(Subresource::Token),
                finalize: self.has(Subresource::Finalize),
            },
            columns: Vec::new(),
            selectable_fields: self.fields.iter().map(|&field| field.to_owned()).collect(),
            generation: self.generation,
            name_rule: self.name_rule,
            storage_version: "v1".into(),
            custom: false,
            deprecation: None,
            source: Source::Builtin(&self.source),
        }
    }
}

const ALL: &[&str] = &["all"];
const EXTENSIONS: &[&str] = &["api-extensions"];
const STATUS: &[Subresource] = &[Subresource::Status];
const SCALED: &[Subresource] = &[Subresource::Status, Subresource::Scale];

static CORE: [Row; 10] = [
    Row::new("", "ConfigMap", "configmaps", definition::<core::ConfigMap>).short(&["cm"]),
    Row::new("", "Endpoints", "endpoints", definition::<core::Endpoints>).short(&["ep"]),
    Row::new("", "Event", "events", definition::<core::Event>).short(&["ev"]).fields(&[
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ]),
    Row::new("", "Namespace", "namespaces", definition::<core::Namespace>)
        .cluster()
        .short(&["ns"])
        .verbs(STORED_SINGLY)
        .named(NameRule::Label)
        .fields(&["status.phase"])
        .subresources(&[Subresource::Finalize, Subresource::Status]),
    Row::new("", "Node", "nodes", definition::<core::Node>)
        .cluster()
        .short(&["no"])
        .fields(&["spec.unschedulable"])
        .subresources(STATUS),
    Row::new("", "Pod", "pods", definition::<core::Pod>)
        .short(&["po"])
        .categories(ALL)
        .generation()
        .fields(&[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ])
        .subresources(STATUS),
    Row::new("", "ResourceQuota", "resourcequotas", definition::<core::ResourceQuota>)
        .short(&["quota"])
        .subresources(STATUS),
    Row::new("", "Secret", "secrets", definition::<core::Secret>).fields(&["type"]),
    Row::new("", "ServiceAccount", "serviceaccounts", definition::<core::ServiceAccount>)
        .short(&["sa"])
        .subresources(&[Subresource::Token]),
    Row::new("", "Service", "services", definition::<core::Service>)
        .short(&["svc"])
        .categories(ALL)
        .named(NameRule::Label)
        .fields(&["spec.clusterIP", "spec.type"])
        .subresources(STATUS),
];

static WORKLOADS: [Row; 10] = [
    Row::new("apps", "DaemonSet", "daemonsets", definition::<apps::DaemonSet>)
        .short(&["ds"])
        .categories(ALL)
        .generation()
        .subresources(STATUS),
    Row::new("apps", "Deployment", "deployments", definition::<apps::Deployment>)
        .short(&["deploy"])
        .categories(ALL)
        .generation()
        .subresources(SCALED),
    Row::new("apps", "ReplicaSet", "replicasets", definition::<apps::ReplicaSet>)
        .short(&["rs"])
        .categories(ALL)
        .generation()
        .fields(&["status.replicas"])
        .subresources(SCALED),
    Row::new("apps", "StatefulSet", "statefulsets", definition::<apps::StatefulSet>)
        .short(&["sts"])
        .categories(ALL)
        .generation()
        .subresources(SCALED),
    Row::new("events.k8s.io", "Event", "events", definition::<events::Event>)
        .short(&["ev"])
        .fields(&[
            "reason",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reportingController",
            "type",
        ]),
    Row::new("batch", "CronJob", "cronjobs", definition::<batch::CronJob>)
        .short(&["cj"])
        .categories(ALL)
        .generation()
        .subresources(STATUS),
    Row::new("batch", "Job", "jobs", definition::<batch::Job>)
        .categories(ALL)
        .generation()
        .fields(&["status.successful"])
        .subresources(STATUS),
    Row::new(
        "networking.k8s.io",
        "NetworkPolicy",
        "networkpolicies",
        definition::<networking::NetworkPolicy>,
    )
    .short(&["netpol"])
    .generation(),
    Row::new(
        "policy",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        definition::<policy::PodDisruptionBudget>,
    )
    .short(&["pdb"])
    .generation()
    .subresources(STATUS),
    Row::new(
        "discovery.k8s.io",
        "EndpointSlice",
        "endpointslices",
        definition::<discovery::EndpointSlice>,
    )
    .generation(),
];

static ACCESS: [Row; 16] = [
    Row::new(
        AUTHENTICATION,
        "SelfSubjectReview",
        "selfsubjectreviews",
        definition::<authentication::SelfSubjectReview>,
    )
    .cluster()
    .verbs(ASKED),
    Row::new(
        AUTHENTICATION,
        "TokenReview",
        "tokenreviews",
        definition::<authentication::TokenReview>,
    )
    .cluster()
    .verbs(ASKED),
    Row::new(
        AUTHORIZATION,
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        definition::<authorization::LocalSubjectAccessReview>,
    )
    .verbs(ASKED),
    Row::new(
        AUTHORIZATION,
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        definition::<authorization::SelfSubjectAccessReview>,
    )
    .cluster()
    .verbs(ASKED),
    Row::new(
        AUTHORIZATION,
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        definition::<authorization::SelfSubjectRulesReview>,
    )
    .cluster()
    .verbs(ASKED),
    Row::new(
        AUTHORIZATION,
        "SubjectAccessReview",
        "subjectaccessreviews",
        definition::<authorization::SubjectAccessReview>,
    )
    .cluster()
    .verbs(ASKED),
    Row::new(
        RBAC,
        "ClusterRoleBinding",
        "clusterrolebindings",
        definition::<rbac::ClusterRoleBinding>,
    )
    .cluster()
    .named(NameRule::PathSegment),
    Row::new(RBAC, "ClusterRole", "clusterroles", definition::<rbac::ClusterRole>)
        .cluster()
        .named(NameRule::PathSegment),
    Row::new(RBAC, "RoleBinding", "rolebindings", definition::<rbac::RoleBinding>)
        .named(NameRule::PathSegment),
    Row::new(RBAC, "Role", "roles", definition::<rbac::Role>).named(NameRule::PathSegment),
    Row::new(
        ADMISSION,
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
        definition::<admission::MutatingAdmissionPolicy>,
    )
    .cluster()
    .categories(EXTENSIONS)
    .generation(),
    Row::new(
        ADMISSION,
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings",
        definition::<admission::MutatingAdmissionPolicyBinding>,
    )
    .cluster()
    .categories(EXTENSIONS)
    .generation(),
    Row::new(
        ADMISSION,
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        definition::<admission::ValidatingAdmissionPolicy>,
    )
    .cluster()
    .categories(EXTENSIONS)
    .generation()
    .subresources(STATUS),
    Row::new(
        ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        definition::<admission::ValidatingAdmissionPolicyBinding>,
    )
    .cluster()
    .categories(EXTENSIONS)
    .generation(),
    Row::new(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        definition::<apiextensions::CustomResourceDefinition>,
    )
    .cluster()
    .short(&["crd", "crds"])
    .categories(EXTENSIONS)
    .generation()
    .subresources(STATUS),
    Row::new("coordination.k8s.io", "Lease", "leases", definition::<coordination::Lease>),
];

/// Groups in the order in which discovery lists them.
const GROUPS: [&str; 13] = [
    "",
    "apps",
    "events.k8s.io",
    AUTHENTICATION,
    AUTHORIZATION,
    "batch",
    "networking.k8s.io",
    "policy",
    RBAC,
    ADMISSION,
    "apiextensions.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
];

/// The built-in kinds, group after group as discovery lists them. The table is made once for a process and costs
/// microseconds; the shape of a kind's objects ([`Kind::schema`]) is computed when it is first asked for.
///
/// Webhook configurations are not among them: this server calls no webhook, and one that is stored but never called
/// would be a promise that is not kept.
pub fn builtin() -> Vec<Arc<Kind>> {
    static KINDS: OnceLock<Vec<Arc<Kind>>> = OnceLock::new();
    KINDS
        .get_or_init(|| {
            let rows = || CORE.iter().chain(&WORKLOADS).chain(&ACCESS);
            let ordered =
                GROUPS.iter().flat_map(|group| rows().filter(move |row| row.group == *group));
            ordered.map(|row| Arc::new(row.kind())).collect()
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_the_table() {
        assert_eq!(builtin().len(), CORE.len() + WORKLOADS.len() + ACCESS.len());
    }

    #[test]
    fn every_kind_has_a_schema() {
        for kind in builtin() {
            assert!(!kind.schema().properties.is_empty(), "{kind:?}");
        }
    }
}
