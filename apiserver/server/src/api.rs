//! The server's state: what is stored, what is made from it, and what happens after a write.

use std::path::PathBuf;
use std::sync::Arc;

use apiserver_access::{self as access, Authentication, Existence, Rbac};
use apiserver_kinds::Kind;
use apiserver_object::{Attributes, Authorizer, ResourceAttributes, User};
use apiserver_store::{self as store, Store};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::admission::Policies;
use crate::catalog::Catalog;
use crate::derived::Derived;
use crate::lifecycle::{self, Owner, Work};
use crate::metadata;
use crate::request::ResourcePath;
use crate::restore;
use crate::shares::Shares;
use crate::status::Failure;

const DEFINITIONS: &str = "apiextensions.k8s.io/customresourcedefinitions";
const POLICIES: &str = "admissionregistration.k8s.io/validatingadmissionpolicies";
const BINDINGS: &str = "admissionregistration.k8s.io/validatingadmissionpolicybindings";
const CLUSTER_ROLES: &str = "rbac.authorization.k8s.io/clusterroles";
/// What RBAC is made from.
const ROLES: [&str; 4] = [
    CLUSTER_ROLES,
    "rbac.authorization.k8s.io/clusterrolebindings",
    "rbac.authorization.k8s.io/roles",
    "rbac.authorization.k8s.io/rolebindings",
];
const NAMESPACES: &str = "core/namespaces";
const SERVICE_ACCOUNTS: &str = "core/serviceaccounts";

/// Bytes of request bodies that are received at one time.
const INTAKE_BYTES: usize = 64 * 1024 * 1024;
/// Requests that are answered at one time; watches do not count.
const MOST_REQUESTS: usize = 600;
/// Watches that are open at one time.
const MOST_WATCHES: usize = 20_000;

/// Everything that requests share.
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) authentication: Authentication,
    /// Nothing before this revision can be watched or listed.
    pub(crate) floor: u64,
    /// The data directory, where there is one.
    pub(crate) data: Option<PathBuf>,
    /// Bytes of bodies that are being received: of small ones, and of large ones.
    pub(crate) intake: [Arc<Shares>; 2],
    /// Requests that are being answered.
    pub(crate) slots: Arc<Shares>,
    /// Watches that are open.
    pub(crate) watches: Arc<Shares>,
    /// A snapshot is being taken; one at a time, since each is as large as the state.
    pub(crate) snapshot: Arc<tokio::sync::Mutex<()>>,
    /// The server is going down.
    pub(crate) stop: CancellationToken,
    catalog: Derived<Catalog>,
    rbac: Derived<Rbac>,
    policies: Derived<Policies>,
    work: mpsc::UnboundedSender<Work>,
}

impl Api {
    pub(crate) fn new(
        store: Store,
        authentication: Authentication,
        data: Option<PathBuf>,
        work: mpsc::UnboundedSender<Work>,
    ) -> Self {
        Self {
            floor: restore::floor(&store),
            store,
            authentication,
            data,
            intake: [Shares::new(INTAKE_BYTES), Shares::new(INTAKE_BYTES)],
            slots: Shares::new(MOST_REQUESTS),
            watches: Shares::new(MOST_WATCHES),
            snapshot: Arc::default(),
            stop: CancellationToken::new(),
            catalog: Derived::new(Catalog::default()),
            rbac: Derived::new(Rbac::build([], [], [], [])),
            policies: Derived::new(Policies::default()),
            work,
        }
    }

    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.read(
            || self.store.changed(DEFINITIONS).max(1),
            |before| Catalog::build(before, &self.all(DEFINITIONS)),
        )
    }

    pub(crate) fn rbac(&self) -> Arc<Rbac> {
        let changed =
            || ROLES.iter().map(|collection| self.store.changed(collection)).max().unwrap_or(0);
        self.rbac.read(changed, |_| {
            let [cluster_roles, cluster_bindings, roles, bindings] =
                ROLES.map(|collection| self.all(collection));
            Rbac::build(
                cluster_roles.iter(),
                cluster_bindings.iter(),
                roles.iter(),
                bindings.iter(),
            )
        })
    }

    pub(crate) fn policies(&self) -> Arc<Policies> {
        let changed = || self.store.changed(POLICIES).max(self.store.changed(BINDINGS)).max(1);
        self.policies.read(changed, |before| {
            Policies::build(before, &self.objects(POLICIES), &self.objects(BINDINGS))
        })
    }

    /// All objects of a collection, parsed. One that cannot be read is told in the log.
    pub(crate) fn all(&self, collection: &str) -> Vec<Value> {
        self.objects(collection).iter().filter_map(|object| parsed(object)).collect()
    }

    /// All objects of a collection, as they are stored.
    pub(crate) fn objects(&self, collection: &str) -> Vec<Arc<store::Object>> {
        let listing = self.store.list(collection, None, None, 0, None);
        listing.map(|listing| listing.objects).unwrap_or_default()
    }

    pub(crate) fn one(&self, collection: &str, namespace: &str, name: &str) -> Option<Value> {
        parsed(&*self.store.read(collection, namespace, name)?)
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<Value> {
        self.one(NAMESPACES, "", name)
    }

    /// A namespace as it is stored, and its key: what a new object in it is made under the condition of.
    pub(crate) fn stored_namespace(&self, name: &str) -> Option<Arc<store::Object>> {
        self.store.read(NAMESPACES, "", name)
    }

    /// The definition that a collection's kind comes from.
    pub(crate) fn definition(&self, kind: &Kind) -> Option<Arc<store::Object>> {
        self.store.read(DEFINITIONS, "", &kind.resource())
    }

    pub(crate) async fn write(
        &self,
        write: store::Write,
    ) -> Result<Arc<store::Object>, store::WriteError> {
        self.store.write(write).await
    }

    /// What a write leads to before its writer is answered: a definition is established, roles are collected.
    pub(crate) async fn committed(&self, stored: &store::Object, deleted: bool) {
        if stored.key.collection.as_ref() == DEFINITIONS && deleted {
            lifecycle::settle_refused_definitions(self).await;
        } else if stored.key.collection.as_ref() == DEFINITIONS {
            lifecycle::settle_definition(self, &stored.key.name).await;
        }
        if stored.key.collection.as_ref() == CLUSTER_ROLES {
            lifecycle::settle_aggregated_roles(self).await;
        }
        self.notice(stored, deleted);
    }

    /// What a write leads to later.
    pub(crate) fn notice(&self, stored: &store::Object, deleted: bool) {
        let later = |work: Work| {
            // The receiver lives as long as the server.
            let _ = self.work.send(work);
        };
        if deleted {
            let uid =
                parsed(stored).map(|object| metadata::uid(&object).to_owned()).unwrap_or_default();
            later(Work::Dependents(Owner { namespace: stored.key.namespace.to_string(), uid }));
            later(Work::DefinitionMaybeEmpty(stored.key.collection.to_string()));
            if !stored.key.namespace.is_empty() {
                later(Work::NamespaceMaybeEmpty(stored.key.namespace.to_string()));
            }
        } else if lifecycle::is_ending(stored) {
            later(Work::Ending(stored.key.clone()));
        }
    }

    /// Whether the user may do this; the refusal is what the client is told.
    pub(crate) fn authorize(
        &self,
        user: &User,
        verb: &str,
        path: &ResourcePath,
    ) -> Result<(), Failure> {
        let attributes = ResourceAttributes {
            verb: verb.into(),
            group: path.group.as_str().into(),
            resource: path.resource.as_str().into(),
            subresource: path.subresource.as_str().into(),
            namespace: path.namespace.as_str().into(),
            name: path.authorized_name().into(),
        };
        self.allowed(user, &attributes.into())
    }

    pub(crate) fn allowed(&self, user: &User, attributes: &Attributes<'_>) -> Result<(), Failure> {
        let decision = self.rbac().authorize(user, attributes);
        if decision.allowed {
            return Ok(());
        }
        let about = match attributes {
            Attributes::Resource(about) => Some((&*about.group, &*about.resource, &*about.name)),
            Attributes::NonResource(_) => None,
        };
        Err(Failure::forbidden(
            access::forbidden_message(user, attributes, &decision.reason),
            about,
        ))
    }

    /// Nobody hands out rights that they do not have.
    pub(crate) fn check_grants(
        &self,
        kind: &Kind,
        user: &User,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Failure> {
        if kind.group.as_ref() != "rbac.authorization.k8s.io" || user.is_master() {
            return Ok(());
        }
        let (rules, verb) = match kind.kind.as_ref() {
            "Role" | "ClusterRole"
                if old.is_some_and(|old| {
                    old["rules"] == object["rules"]
                        && old["aggregationRule"] == object["aggregationRule"]
                }) =>
            {
                return Ok(());
            }
            "Role" | "ClusterRole" => (object["rules"].clone(), "escalate"),
            _ if old.is_some_and(|old| {
                old["subjects"] == object["subjects"] && old["roleRef"] == object["roleRef"]
            }) =>
            {
                return Ok(());
            }
            _ => (Value::Null, "bind"),
        };
        let namespace = if kind.namespaced { metadata::text(object, "namespace") } else { "" };
        let name = if verb == "bind" {
            object["roleRef"]["name"].as_str().unwrap_or_default()
        } else {
            metadata::name(object)
        };
        let resource = match (verb, object["roleRef"]["kind"].as_str()) {
            ("bind", Some("ClusterRole")) => "clusterroles",
            ("bind", _) => "roles",
            _ => kind.plural.as_ref(),
        };
        let attributes = ResourceAttributes {
            verb: verb.into(),
            group: (&*kind.group).into(),
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..ResourceAttributes::default()
        };
        let rbac = self.rbac();
        if rbac.authorize(user, &attributes.into()).allowed {
            return Ok(());
        }
        let rules = match verb {
            "bind" => rbac.referenced_rules(&object["roleRef"], namespace).ok_or_else(|| {
                Failure::not_found(kind, object["roleRef"]["name"].as_str().unwrap_or_default())
            })?,
            _ => rules.as_array().cloned().unwrap_or_default(),
        };
        let aggregates =
            |role: &Value| role.get("aggregationRule").is_some_and(|rule| !rule.is_null());
        if verb == "escalate"
            && (aggregates(object) || old.is_some_and(aggregates))
            && !rbac.holds_everything(user)
        {
            return Err(Failure::forbidden_object(
                kind,
                metadata::name(object),
                access::AGGREGATION_FORBIDDEN,
            ));
        }
        match rbac.escalation(user, namespace, &rules) {
            None => Ok(()),
            Some(why) => Err(Failure::forbidden_object(kind, metadata::name(object), &why)),
        }
    }

    /// The kinds that are served, for documents.
    pub(crate) fn kinds(&self) -> Vec<Arc<Kind>> {
        self.catalog().kinds().cloned().collect()
    }
}

/// The namespaces that a cluster is never without.
pub(crate) fn check_deletable(kind: &Kind, name: &str) -> Result<(), Failure> {
    let kept = ["default", "kube-system", "kube-public"];
    if kind.storage_collection.as_ref() == NAMESPACES && kept.contains(&name) {
        return Err(Failure::forbidden_object(kind, name, "this namespace may not be deleted"));
    }
    Ok(())
}

fn parsed(object: &store::Object) -> Option<Value> {
    let parsed = serde_json::from_slice(&object.json);
    parsed
        .inspect_err(
            |error| tracing::error!(key = ?object.key, %error, "a stored object cannot be read"),
        )
        .ok()
}

impl Existence for Api {
    fn service_account_uid(&self, namespace: &str, name: &str) -> Option<String> {
        let found = self.one(SERVICE_ACCOUNTS, namespace, name)?;
        (!metadata::is_being_deleted(&found)).then(|| metadata::uid(&found).to_owned())
    }

    fn object_uid(&self, kind: &str, namespace: &str, name: &str) -> Option<String> {
        let plural = match kind {
            "Pod" => "pods",
            "Secret" => "secrets",
            "Node" => "nodes",
            _ => return None,
        };
        let namespace = if kind == "Node" { "" } else { namespace };
        Some(metadata::uid(&self.one(&format!("core/{plural}"), namespace, name)?).to_owned())
    }
}

/// Objects that a new server begins with.
pub(crate) fn first_objects() -> Vec<(String, Value)> {
    let namespace = |name: &str| {
        let object = serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        (NAMESPACES.to_owned(), object)
    };
    let mut objects: Vec<(String, Value)> =
        ["default", "kube-system", "kube-public", "kube-node-lease"]
            .into_iter()
            .map(namespace)
            .collect();
    for object in apiserver_access::bootstrap() {
        let plural = match object["kind"].as_str().unwrap_or_default() {
            "ClusterRole" => "clusterroles",
            "ClusterRoleBinding" => "clusterrolebindings",
            "Role" => "roles",
            _ => "rolebindings",
        };
        objects.push((format!("rbac.authorization.k8s.io/{plural}"), object));
    }
    objects
}
