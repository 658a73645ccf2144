//! Why trust was not shown.

use std::error::Error;

use apiserver::ServerError;
use meshroot_api::names::SYSTEM_NAMESPACE;
use meshroot_runtime::kube::apply::ApplyError;
use meshroot_runtime::kube::call::CallError;
use meshroot_runtime::kube::connect::ConnectError;

use crate::VIRTUAL_MESH;

/// Why the demo ended otherwise than it should.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An API server of the demo does not start.
    #[error("the API server of {name} does not start: {source}")]
    Server {
        /// `hub`, or the name of the cluster.
        name: String,
        /// What is wrong.
        source: ServerError,
    },
    /// There is not even an API server for the hub.
    #[error("there is no API server for the hub")]
    NoHub,
    /// No client for an API server can be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An API refused a call or could not be reached.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A manifest was not taken.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// An API made no token.
    #[error("could not {doing}: the answer holds none")]
    NoToken {
        /// What was to be done.
        doing: String,
    },
    /// What is to be installed cannot be written down.
    #[error("the definitions cannot be written: {0}")]
    Manifests(String),
    /// A cluster did not join; as the program says it that joins them.
    #[error(transparent)]
    Join(Box<dyn Error + Send + Sync>),
    /// The stand-in for istiod has no address.
    #[error("the stand-in for istiod cannot listen: {0}")]
    Listen(#[source] std::io::Error),
    /// The metrics of a process have no address.
    #[error("the metrics of {component} cannot be served: {source}")]
    Metrics {
        /// Whose they are.
        component: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The demo's directory cannot be used.
    #[error("{what}: {problem}")]
    Home {
        /// What cannot be done with which path.
        what: String,
        /// Why.
        problem: String,
    },
    /// A workload got no certificate.
    #[error("the workload of {cluster} got no certificate from its mesh: {problem}")]
    Workload {
        /// Its cluster.
        cluster: String,
        /// Why.
        problem: String,
    },
    /// A control plane did not publish what it loaded.
    #[error("the mesh of {cluster} did not publish its roots")]
    Unpublished {
        /// Its cluster.
        cluster: String,
        /// Where they should be: namespace and name of a ConfigMap.
        config_map: String,
    },
    /// The workload that nobody is to trust cannot be made.
    #[error("no stranger can be made: {0}")]
    Stranger(String),
    /// It took too long.
    #[error("trust was not established within {} s: {missing}", limit.as_secs())]
    TooLate {
        /// How long it was allowed to take.
        limit: std::time::Duration,
        /// What has not happened.
        missing: String,
        /// What the hub says that it waits for; empty where it says nothing.
        waiting_for: String,
    },
    /// The root was not replaced in time.
    #[error("the root was not replaced within {} s: {waiting_for}", limit.as_secs())]
    Rotation {
        /// How long it was allowed to take.
        limit: std::time::Duration,
        /// What the hub says that it waits for.
        waiting_for: String,
    },
    /// A request was denied, with nobody there to ask again.
    #[error("trust was not established: request {request} was denied: {message}")]
    Denied {
        /// Its name.
        request: String,
        /// As whoever denied it says.
        message: String,
    },
    /// A handshake did not go as it must.
    #[error("trust is not what it should be: {0}")]
    Untrusted(String),
    /// The hub or an agent ended by itself.
    #[error("{0}")]
    Ended(String),
    /// It was asked for an answer and told to end before there was one.
    #[error("interrupted before trust was established")]
    Interrupted,
    /// What happens cannot be shown.
    #[error("cannot write the output: {0}")]
    Screen(#[from] std::io::Error),
}

impl DemoError {
    /// What cannot be done in the demo's directory, and why.
    pub(crate) fn home(what: impl Into<String>, problem: &dyn std::fmt::Display) -> Self {
        Self::Home { what: what.into(), problem: problem.to_string() }
    }

    /// The object to look at, if one says more.
    pub fn see(&self) -> Option<String> {
        match self {
            Self::Unpublished { cluster, config_map } => {
                Some(format!("ConfigMap {config_map} in {cluster}"))
            }
            Self::TooLate { waiting_for, .. } if !waiting_for.is_empty() => {
                Some(format!("TrustPolicy {SYSTEM_NAMESPACE}/{VIRTUAL_MESH}: {waiting_for}"))
            }
            _ => None,
        }
    }
}
