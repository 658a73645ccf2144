//! Independent opinions on what was issued.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{Directory, openssl, tools};

/// The rules that apply to a private CA. CA/Browser Forum and browser rules want countries,
/// policies, CRLs and AIA, which a mesh's CA has not.
const LINT_SOURCES: &str = "RFC3279,RFC5280,RFC5480,RFC5891,RFC8813,Community";

/// How many lints those sources have at least; fewer means that a source was renamed and the
/// judge has fallen silent.
const LINTS_AT_LEAST: usize = 100;

/// One rule that a certificate breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// zlint's name of the rule, for example `e_basic_constraints_not_critical`.
    pub lint: String,
    /// `info`, `warn`, `error` or `fatal`.
    pub result: String,
    /// What zlint says about it; often empty.
    pub details: String,
}

/// What zlint finds in a certificate (PEM; of several, the first one counts).
///
/// An empty list is a clean bill; not being able to judge is an error.
pub fn zlint(certificate_pem: &str) -> Result<Vec<Finding>> {
    let directory = Directory::create("zlint")?;
    let file = directory.write("certificate.pem", certificate_pem)?;
    let mut command = Command::new(tools::path("zlint")?);
    command.args(["-includeSources", LINT_SOURCES]).arg(file);
    let output = command.output().context("cannot run zlint")?;
    if !output.status.success() {
        bail!("zlint: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    findings(&output.stdout)
}

/// OpenSSL's judgement of a path from `leaf` over `intermediates` to `roots` (each PEM, the last
/// two with any number of certificates). `Err` carries OpenSSL's words.
pub fn openssl_verify(leaf: &str, intermediates: &str, roots: &str) -> Result<(), String> {
    verify(leaf, intermediates, roots).map_err(|error| format!("{error:#}"))
}

fn verify(leaf: &str, intermediates: &str, roots: &str) -> Result<()> {
    let directory = Directory::create("openssl")?;
    directory.write("leaf.pem", leaf)?;
    directory.write("roots.pem", roots)?;
    let mut arguments = vec!["verify", "-no-CApath", "-no-CAstore", "-CAfile", "roots.pem"];
    if !intermediates.trim().is_empty() {
        directory.write("intermediates.pem", intermediates)?;
        arguments.extend(["-untrusted", "intermediates.pem"]);
    }
    arguments.push("leaf.pem");
    openssl::run(directory.path(), arguments).map(drop)
}

#[derive(Deserialize)]
struct LintResult {
    result: String,
    #[serde(default)]
    details: String,
}

fn findings(json: &[u8]) -> Result<Vec<Finding>> {
    let results: BTreeMap<String, LintResult> =
        serde_json::from_slice(json).context("zlint did not answer with its JSON")?;
    if results.len() < LINTS_AT_LEAST {
        bail!("zlint ran {} lints only", results.len());
    }
    let broken = |result: &LintResult| !matches!(result.result.as_str(), "pass" | "NA" | "NE");
    let found = results.into_iter().filter(|(_, result)| broken(result));
    Ok(found
        .map(|(lint, LintResult { result, details })| Finding { lint, result, details })
        .collect())
}
