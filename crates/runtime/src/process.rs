//! Being a long-running program.
//!
//! - [`service`]: how a program starts, leads and stops, and the table of what it follows and works on
//! - [`options`]: the command line that all programs share
//! - [`telemetry`]: logs, metrics and health
//! - [`queue`]: keys that are worked on, fairly and once at a time
//! - [`shutdown`], [`clock`], [`crash`]: how it stops, what time it is, how tests break it

pub mod clock;
pub mod crash;
pub mod options;
pub mod queue;
pub mod service;
pub mod shutdown;
pub mod telemetry;
