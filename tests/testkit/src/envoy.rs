//! Envoy, the proxy of Istio's sidecars, as a judge of certificates.

pub(crate) mod configuration;

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use self::configuration::{Configuration, Ports};
use crate::process::{self, Failure, Process, with_free_ports};
use crate::{Directory, http_text, tools, wait};

/// Whether Envoy takes a peer that presents this chain with its key, as a server and as a client, where it trusts these
/// anchors and, if given, heeds these CRLs (each PEM, any number of them).
///
/// Envoy finds a revoked certificate only where *every* CA on the path has its CRL in `crl_pem`, and where one has not
/// refuses everybody. A leaf needs both extended key usages.
///
/// `Err` carries Envoy's words: a refusal has [`REFUSAL`] in it, a fault of another kind has not.
pub async fn accepts(
    leaf_chain_pem: &str,
    leaf_key_pem: &str,
    anchors_pem: &str,
    crl_pem: Option<&str>,
) -> Result<(), String> {
    let outcome = with_free_ports(async || {
        let directory = Directory::create("envoy")?;
        directory.write("chain.pem", leaf_chain_pem)?;
        directory.write("key.pem", leaf_key_pem)?;
        directory.write("anchors.pem", anchors_pem)?;
        if let Some(crl) = crl_pem {
            directory.write("crl.pem", crl)?;
        }
        judge(&directory, files(crl_pem.is_some())).await
    });
    outcome.await.map_err(|error| format!("{error:#}"))
}

/// What Envoy says of a peer whose certificate it does not take.
pub const REFUSAL: &str = "CERTIFICATE_VERIFY_FAILED";

/// Own certificate and trust anchors, from files.
fn files(has_crl: bool) -> Value {
    let file = |name: &str| json!({ "filename": name });
    let mut validation = json!({ "trusted_ca": file("anchors.pem") });
    if has_crl {
        validation["crl"] = file("crl.pem");
    }
    let own = json!({ "certificate_chain": file("chain.pem"), "private_key": file("key.pem") });
    json!({ "tls_certificates": [own], "validation_context": validation })
}

/// One Envoy stands at both ends: a plain request to it goes out over mutual TLS, and comes in to itself.
async fn judge(directory: &Directory, tls: Value) -> Result<(), Failure> {
    let ports = Ports::free()?;
    let peer = ports.inbound;
    let configuration = Configuration { name: "judge", ports, peer, tls, secrets: None };
    directory.write("envoy.json", configuration.to_json().to_string())?;
    let mut command = process::command(tools::path("envoy")?);
    command
        .current_dir(directory.path())
        .args(["--config-path", "envoy.json", "--log-level", "warning"])
        .args(["--concurrency", "1", "--disable-hot-restart"]);
    let process = Process::spawn("envoy", command, directory.join("envoy.log"))?;
    process.ready(wait::LIMIT, async || http_text::fetch(ports.admin, "/ready").await).await?;
    let Err(error) = http_text::fetch(ports.outbound, "/").await else { return Ok(()) };
    // A client hears no more than an alert of why its own certificate was refused.
    let counts = tls_counts(ports.admin).await?;
    if counts.get("listener.inbound.ssl.fail_verify_error").is_some_and(|count| *count > 0) {
        return Err(error.context(format!("{REFUSAL}: not taken as a client's")).into());
    }
    Err(error.into())
}

/// What an Envoy counted, by the name of the statistic.
pub type Counts = BTreeMap<String, u64>;

/// What the Envoy with this admin port counted of mutual TLS with its peer, both ways.
pub(crate) async fn tls_counts(admin: u16) -> Result<Counts> {
    let text = http_text::fetch(admin, "/stats?filter=(peer|inbound).ssl").await?;
    let count = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    Ok(text.lines().filter_map(count).collect())
}
