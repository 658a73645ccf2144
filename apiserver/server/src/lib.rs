//! A small Kubernetes API server on one file.
//!
//! It answers as kube-apiserver does (status codes, reasons, objects), keeps what it acknowledges through a crash,
//! and knows no kind beside Kubernetes' own: everything else comes as CustomResourceDefinition. It runs no workloads:
//! a Pod or a Deployment is an object that is stored, nothing more.

mod access;
mod answer;
mod api;
mod call;
mod clock;
mod decode;
mod dispatch;
mod documents;
mod failure;
mod lifecycle;
mod limits;
mod object;
mod read;
mod request;
mod review;
mod server;
mod state;
mod subresource;
mod write;

pub use answer::Body;
pub use apiserver_object::User;
pub use apiserver_store as store;
pub use clock::follow_clock;
pub use documents::snapshot::PATH as SNAPSHOT_PATH;
pub use server::{Endpoint, InProcess, Options, Server, ServerError};
pub use state::restore::{RestoreFailure, STATE_FILE, restore};
