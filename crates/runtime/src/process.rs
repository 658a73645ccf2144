//! Being a long-running program.
//!
//! - [`options`]: the command line that all programs share, and how they work while they lead
//! - [`telemetry`]: logs, metrics and health
//! - [`queue`]: keys that are worked on, fairly and once at a time
//! - [`shutdown`], [`clock`], [`crash`]: how it stops, what time it is, how tests break it

pub mod clock;
pub mod crash;
pub mod options;
pub mod queue;
pub mod shutdown;
pub mod telemetry;
