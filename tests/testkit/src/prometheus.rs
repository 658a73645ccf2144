//! Prometheus and promtool, of Debian's package `prometheus`: judges of rules and of what is scraped.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::process::{self, Failure, Process, with_free_ports};
use crate::{Directory, http_text, ports, tools, wait};

/// What `promtool` says, run in `directory`; an error with its words where it finds fault.
pub fn promtool(directory: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(tools::on_path("promtool", PACKAGE)?);
    let output = command.args(arguments).current_dir(directory).output()?;
    let [said, problem] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    ensure!(output.status.success(), "promtool {}: {said}{problem}", arguments.join(" "));
    Ok(said)
}

/// The Debian package that has both.
const PACKAGE: &str = "prometheus";

/// A Prometheus that scrapes.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    port: u16,
    _directory: Directory,
}

impl Prometheus {
    /// Starts one with this configuration, which it must take.
    pub async fn start(config: &Path) -> Result<Self> {
        with_free_ports(async || Self::try_start(config).await).await
    }

    async fn try_start(config: &Path) -> Result<Self, Failure> {
        let (directory, port) = (Directory::create("prometheus")?, ports::free()?);
        let mut command = process::command(tools::on_path("prometheus", PACKAGE)?);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::spawn("prometheus", command, directory.join("log"))?;
        process.ready(wait::LIMIT, async || http_text::fetch(port, "/-/ready").await).await?;
        Ok(Self { process, port, _directory: directory })
    }

    /// The samples that a query gives now.
    pub async fn query(&self, query: &str) -> Result<Vec<Value>> {
        let data = self.data(&format!("query?query={}", encoded(query))).await?;
        let result = data["result"].as_array().cloned();
        result.with_context(|| format!("{query} gives no samples but {data}"))
    }

    /// What the API answers, such as `alerts`, `rules` or `targets`.
    pub async fn data(&self, path: &str) -> Result<Value> {
        let text = http_text::fetch(self.port, &format!("/api/v1/{path}")).await;
        let text = text.with_context(|| self.process.evidence())?;
        let mut answer: Value = serde_json::from_str(&text)?;
        if answer["status"] != "success" {
            bail!("Prometheus says of {path}: {answer}");
        }
        Ok(answer["data"].take())
    }
}

/// As it may stand in a query string (RFC 3986, section 2.1).
fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        let kept = byte.is_ascii_alphanumeric().then(|| char::from(byte).to_string());
        kept.unwrap_or_else(|| format!("%{byte:02X}"))
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_byte_by_byte() {
        assert_eq!(encoded("a{b=\"é\"}"), "a%7Bb%3D%22%C3%A9%22%7D");
    }
}
