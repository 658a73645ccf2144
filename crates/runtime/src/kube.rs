//! Talking to a Kubernetes API.
//!
//! - [`connect`]: a client from a kubeconfig, from inside a cluster, or with a token that can be replaced
//! - [`write`](mod@write): one way to do each write, and what a failure asks for
//! - [`watch`]: a local copy of objects that follows the API
//! - [`lease`]: one leader, with a fencing number
//! - [`events`]: what happened to an object, for people

pub mod connect;
pub mod events;
pub mod lease;
pub mod watch;
pub mod write;
