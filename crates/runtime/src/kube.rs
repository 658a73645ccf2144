//! Talking to a Kubernetes API.
//!
//! - [`connect`]: a client from a kubeconfig, from inside a cluster, or with a token that can be replaced
//! - [`call`]: one call, made again while the server is busy
//! - [`apply`](mod@apply): manifests, as often as one likes
//! - [`write`](mod@write): one way to do each write, and what a failure asks for
//! - [`watch`]: a local copy of objects that follows the API
//! - [`lease`]: one leader, with a fencing number
//! - [`events`]: what happened to an object, for people

pub mod apply;
pub mod call;
pub mod connect;
pub mod events;
pub mod lease;
pub mod watch;
pub mod write;
