//! The hub's command line.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use meshroot_pki::BlockList;
use meshroot_runtime::process::options::{ProcessOptions, lease_seconds};

/// The certificate authority of every virtual mesh: validates, asks for approval, records, signs, distributes.
///
/// Runs in the management cluster (`meshroot install` deploys it). Several may run; the holder of the Lease
/// works, the others take over.
#[derive(Clone, Debug, Parser)]
#[command(name = "meshroot-hub", version)]
pub struct Options {
    /// Namespace of the hub: its Lease, and the Secrets of builtin roots.
    #[arg(long, env = "MESHROOT_NAMESPACE", default_value = meshroot_api::names::SYSTEM_NAMESPACE)]
    pub namespace: String,
    /// Seconds without renewal after which another hub takes over.
    #[arg(long, value_parser = lease_seconds, default_value = "15")]
    pub lease_duration: Duration,
    /// Keys that are refused, as of the start: SHA-256 of SubjectPublicKeyInfo in hexadecimal digits, one a line, or
    /// lines of Debian's openssl-blacklist; # begins a comment.
    #[arg(long, value_name = "FILE", value_parser = blocked_keys)]
    pub blocked_keys: Option<Arc<BlockList>>,
    /// What hub and agent share.
    #[command(flatten)]
    pub process: ProcessOptions,
}

/// Reads the file of `--blocked-keys`.
pub fn blocked_keys(file: &str) -> Result<Arc<BlockList>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    let list = BlockList::parse(file, &text).map_err(|error| error.to_string())?;
    Ok(Arc::new(list))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refusal(file: &std::path::Path) -> String {
        let arguments = ["meshroot-hub", "--blocked-keys", file.to_str().unwrap()];
        Options::try_parse_from(arguments).unwrap_err().to_string()
    }

    #[test]
    fn a_list_of_blocked_keys_that_cannot_be_read_is_an_error_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("keys.txt");
        let name = file.to_str().unwrap();
        let said = refusal(&file);
        assert!(said.contains(name) && said.contains("cannot be read: No such file"), "{said}");
        std::fs::write(&file, "# lost\nab12\n").unwrap();
        let said = refusal(&file);
        assert!(said.contains(name) && said.contains("line 2 has 4 characters"), "{said}");
    }
}
