//! One connection for one command.

use kube::api::DynamicObject;
use kube::{Api, Client};
use meshroot_runtime::kube::connect::{Target, connect};
use meshroot_view::kinds::Kind;

use crate::failure::Failure;
use crate::global::Global;

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

    /// The API of one kind.
    pub(crate) fn api(&self, kind: Kind, scope: &Scope) -> Api<DynamicObject> {
        match scope {
            Scope::All => Api::all_with(self.client.clone(), &kind.resource()),
            Scope::Namespace(namespace) => {
                Api::namespaced_with(self.client.clone(), namespace, &kind.resource())
            }
        }
    }
}
