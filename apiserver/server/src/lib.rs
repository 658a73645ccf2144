//! A small Kubernetes API server on one file.
//!
//! It answers as kube-apiserver does (status codes, reasons, objects), keeps what it acknowledges through a crash,
//! and knows no kind beside Kubernetes' own: everything else comes as CustomResourceDefinition. It runs no workloads:
//! a Pod or a Deployment is an object that is stored, nothing more.

mod admission;
mod answer;
mod api;
mod body;
mod catalog;
mod change;
mod clock;
mod decode;
mod delete;
mod derived;
mod dispatch;
mod documents;
mod encode;
mod form;
mod identity;
mod keys;
mod lifecycle;
mod listener;
mod metadata;
mod parameters;
mod patience;
mod present;
mod read;
mod request;
mod restore;
mod reviews;
mod selectors;
mod server;
mod shares;
mod snapshot;
mod status;
mod strategy;
mod subresources;
mod update;
mod validation;
mod watch;

pub use apiserver_object::User;
pub use apiserver_store as store;
pub use body::Body;
pub use restore::{RestoreFailure, restore};
pub use server::{Endpoint, InProcess, Options, STATE_FILE, Server, ServerError};
pub use snapshot::PATH as SNAPSHOT_PATH;
