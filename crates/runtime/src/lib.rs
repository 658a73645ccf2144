//! What the hub, the agent and the CLI share: talking to a Kubernetes API, and being a process.

pub mod kube;
pub mod process;

mod jitter;
