//! One connection for one command.

use std::fmt::Debug;

use kube::api::{DynamicObject, ListParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::kube::connect::{Target, connect};
use meshroot_runtime::kube::watch::Readable;
use meshroot_view::full_name;
use meshroot_view::kinds::Kind;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::global::Global;
use crate::plain::plain;

/// What we call ourselves to servers.
pub(crate) const USER_AGENT: &str = concat!("meshroot/", env!("CARGO_PKG_VERSION"));

/// A connection to the API that the flags name.
pub(crate) struct Session {
    /// The client.
    pub(crate) client: Client,
    /// The flags.
    pub(crate) global: Global,
}

/// Which namespaces a list is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    All,
    /// One.
    Namespace(String),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all namespaces"),
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
        }
    }
}

impl Session {
    /// Connects. Nothing is sent yet.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let target =
            Target { kubeconfig: global.kubeconfig.clone(), context: global.context.clone() };
        Ok(Self { client: connect(&target, USER_AGENT)?, global: global.clone() })
    }

    /// As kubectl does it: `-A`, else `-n`, else the context's own namespace.
    pub(crate) fn scope(&self) -> Scope {
        match &self.global.namespace {
            _ if self.global.all_namespaces => Scope::All,
            Some(namespace) => Scope::Namespace(namespace.clone()),
            None => Scope::Namespace(self.client.default_namespace().to_owned()),
        }
    }

    /// Lists one of our kinds.
    pub(crate) async fn list<K>(
        &self,
        doing: &str,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Vec<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let client = self.client.clone();
        let api = match scope {
            Scope::All => Api::all(client),
            Scope::Namespace(namespace) => Api::namespaced(client, namespace),
        };
        list(&api, doing, params).await
    }

    /// The API of one kind.
    pub(crate) fn api(&self, kind: Kind, scope: &Scope) -> Api<Readable<DynamicObject>> {
        match scope {
            Scope::All => Api::all_with(self.client.clone(), &kind.resource()),
            Scope::Namespace(namespace) => {
                Api::namespaced_with(self.client.clone(), namespace, &kind.resource())
            }
        }
    }
}

/// Lists what can be read.
pub(crate) async fn list<K>(
    api: &Api<Readable<K>>,
    doing: &str,
    params: &ListParams,
) -> Result<Vec<K>, Failure>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let listed = retried(async || api.list(params).await).await;
    let objects = listed.map_err(|error| Failure::api(doing, &error))?;
    Ok(objects.items.into_iter().filter_map(readable).collect())
}

/// An object, or a warning: what one agent wrote must not keep people from seeing the others.
pub(crate) fn readable<K: Resource>(object: Readable<K>) -> Option<K> {
    let name = full_name(object.meta());
    let warn = |why: &String| {
        eprintln!("{}", plain(&format!("warning: {name} cannot be read and is left out: {why}")));
    };
    object.read().inspect_err(warn).ok()
}
