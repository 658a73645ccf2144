//! Log lines to standard error.

use std::io::IsTerminal;

use tracing::Metadata;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

/// The target of the lines that an auditor reads. They are written at `info` whatever the filter says.
pub const AUDIT_TARGET: &str = "audit";

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter cannot be read.
    #[error(
        "the log filter {filter:?} cannot be read, use for example \"info\" or \"info,meshroot_hub=debug\": {reason}"
    )]
    Filter {
        /// The filter that was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Logging was set up before.
    #[error("logging is already set up in this process")]
    AlreadySet,
}

/// Sends the log of this process to standard error, filtered by `filter` (levels by target, as `RUST_LOG` has them;
/// default `info`). Audit lines always pass.
pub fn init(format: LogFormat, filter: Option<&str>) -> Result<(), LoggingError> {
    let filter =
        parse(filter.unwrap_or("info"))?.or(filter_fn(is_audit)).and(filter_fn(bears_no_body));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .map_err(|_| LoggingError::AlreadySet)
}

fn parse(filter: &str) -> Result<EnvFilter, LoggingError> {
    let refused = |error: tracing_subscriber::filter::ParseError| LoggingError::Filter {
        filter: filter.to_owned(),
        reason: error.to_string(),
    };
    EnvFilter::builder().parse(filter).map_err(refused)
}

fn is_audit(metadata: &Metadata<'_>) -> bool {
    metadata.target() == AUDIT_TARGET && *metadata.level() <= tracing::Level::INFO
}

/// kube's client logs the whole body of an answer that it cannot decode, at `warn`. Such a body may be a Secret.
fn bears_no_body(metadata: &Metadata<'_>) -> bool {
    metadata.target() != "kube_client::client"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_quoted() {
        let error = parse("meshroot_hub=loud").unwrap_err();
        assert!(error.to_string().contains("meshroot_hub=loud"), "{error}");
    }
}
