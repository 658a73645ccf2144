//! The `openssl` command: an implementation of X.509 and TLS that shares no code with ours.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A request section that asks nothing of the reader: the system's file may be missing.
const CONFIGURATION: &str = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n";

/// Runs `openssl` in `directory` and returns what it wrote to standard output.
///
/// The error carries the subcommand and what it wrote to standard error.
pub fn run<I, S>(directory: &Path, arguments: I) -> Result<String>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new("openssl");
    command.current_dir(directory).args(arguments);
    let output = command.output().context("cannot run openssl: is it installed?")?;
    if !output.status.success() {
        let subcommand = command.get_args().next().unwrap_or_default().to_os_string();
        bail!(
            "openssl {}: {}",
            subcommand.to_string_lossy(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Makes a P-256 key (PKCS#8) and a certificate request with an empty subject: (key, request), PEM.
pub(crate) fn key_and_request(directory: &Path) -> Result<(String, String)> {
    std::fs::write(directory.join("request.cnf"), CONFIGURATION)?;
    let curve = "ec_paramgen_curve:P-256";
    let key = ["genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", "key.pem"];
    run(directory, key)?;
    let key = std::fs::read_to_string(directory.join("key.pem"))?;
    let request = ["req", "-new", "-config", "request.cnf", "-key", "key.pem", "-subj", "/"];
    Ok((key, run(directory, request)?))
}
