//! Talking to a Kubernetes API: what the hub, the agent and the CLI share.
//!
//! - [`connect`]: a client from a kubeconfig, from inside a cluster, or with a token that can be replaced
//! - [`write`](mod@write): one way to do each write, and what a failure asks for
//! - [`watch`], [`queue`]: from watch events to keys that are worked on, fairly and once at a time
//! - [`lease`]: one leader, with a fencing number
//! - [`events`], [`telemetry`]: what people and machines see of the process
//! - [`process`]: what hub and agent share as programs
//! - [`shutdown`], [`clock`], [`crash`]: how it stops, what time it is, how tests break it

pub mod clock;
pub mod connect;
pub mod crash;
pub mod events;
pub mod lease;
pub mod process;
pub mod queue;
pub mod shutdown;
pub mod telemetry;
pub mod watch;
pub mod write;

mod chance;
