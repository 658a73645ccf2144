//! State that is made from stored objects: the kinds that are served, the rights, the admission policies.

use std::sync::Arc;

use apiserver_access::Rbac;
use apiserver_rules::{MutatingPolicy, Policy};

use crate::state::catalog::Catalog;
use crate::state::collections::{
    BINDINGS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, DEFINITIONS, MUTATING_BINDINGS,
    MUTATING_POLICIES, POLICIES, ROLE_BINDINGS, ROLES,
};
use crate::state::objects::Objects;
use crate::state::policies::Policies;
use crate::state::revisioned::Revisioned;

/// Each part is as new as the objects that it is made from, whoever wrote them.
pub(crate) struct Derived {
    objects: Objects,
    catalog: Revisioned<Catalog>,
    rbac: Revisioned<Rbac>,
    policies: Revisioned<Policies<Policy>>,
    mutating: Revisioned<Policies<MutatingPolicy>>,
}

impl Derived {
    pub(crate) fn new(objects: Objects) -> Self {
        Self {
            objects,
            catalog: Revisioned::new(Catalog::default()),
            rbac: Revisioned::new(Rbac::build([], [], [], [])),
            policies: Revisioned::new(Policies::default()),
            mutating: Revisioned::new(Policies::default()),
        }
    }

    /// The kinds that are served.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        // At revision 0 nothing is stored, and the built-in kinds are served all the same.
        self.catalog.read(
            || self.changed(&[DEFINITIONS]).max(1),
            |before| Catalog::build(before, &self.objects.values(DEFINITIONS)),
        )
    }

    /// Who may do what.
    pub(crate) fn rbac(&self) -> Arc<Rbac> {
        let sources = [CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS];
        self.rbac.read(
            || self.changed(&sources),
            |_| {
                let [cluster_roles, cluster_bindings, roles, bindings] =
                    sources.map(|collection| self.objects.values(collection));
                Rbac::build(
                    cluster_roles.iter(),
                    cluster_bindings.iter(),
                    roles.iter(),
                    bindings.iter(),
                )
            },
        )
    }

    /// The validating admission policies that are in force.
    pub(crate) fn policies(&self) -> Arc<Policies<Policy>> {
        self.policies.read(
            || self.changed(&[POLICIES, BINDINGS]).max(1),
            |before| {
                let list = |collection| self.objects.list(collection, None);
                Policies::build(before, &list(POLICIES), &list(BINDINGS))
            },
        )
    }

    /// The mutating admission policies that are in force.
    pub(crate) fn mutating(&self) -> Arc<Policies<MutatingPolicy>> {
        self.mutating.read(
            || self.changed(&[MUTATING_POLICIES, MUTATING_BINDINGS]).max(1),
            |before| {
                let list = |collection| self.objects.list(collection, None);
                Policies::build(before, &list(MUTATING_POLICIES), &list(MUTATING_BINDINGS))
                    .in_order()
            },
        )
    }

    /// The revision of the newest change in these collections.
    fn changed(&self, collections: &[&str]) -> u64 {
        let changed = collections.iter().map(|collection| self.objects.store.changed(collection));
        changed.max().unwrap_or(0)
    }
}
