//! `meshroot serve --api-only`: the embedded API server as a process of its own.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{Access, Run, is_ready};
use crate::process::{self, Failure, Process};
use crate::{Binary, Directory, wait};

/// What stays the same when it is restarted.
#[derive(Debug)]
pub(super) struct Embedded {
    pub(super) directory: Directory,
}

impl Embedded {
    pub(super) fn create(name: &str) -> Result<Self> {
        Ok(Self { directory: Directory::create(&format!("embedded-{name}"))? })
    }

    /// With port 0 it takes a free one.
    pub(super) async fn run(&self, name: &str, port: u16) -> Result<Run, Failure> {
        let mut command = process::command(Binary::path("meshroot")?);
        command.args(["serve", "--api-only", "--listen", &format!("127.0.0.1:{port}"), "--data"]);
        command.arg(self.directory.join("data"));
        let process = Process::spawn(
            &format!("meshroot serve {name}"),
            command,
            self.directory.join("serve.log"),
        )?;
        // What it acknowledged is on the disk.
        let process = process.with_grace(Duration::ZERO);
        let probe = async || {
            let access = self.access()?;
            is_ready(&access).await?;
            Ok(access)
        };
        let access = process.ready(wait::LIMIT, probe).await?;
        Ok(Run { process, access })
    }

    /// As the kubeconfig says that it wrote for the administrator.
    fn access(&self) -> Result<Access> {
        let path = self.directory.join("data/admin.kubeconfig");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} is not there yet", path.display()))?;
        let kubeconfig: Value = serde_saphyr::from_str(&text)?;
        let cluster = &kubeconfig["clusters"][0]["cluster"];
        let text = |value: &Value, name: &'static str| {
            value[name].as_str().map(str::to_owned).context(name)
        };
        let ca_pem = BASE64_STANDARD.decode(text(cluster, "certificate-authority-data")?)?;
        let server = text(cluster, "server")?;
        let port = server.rsplit(':').next().context("the server has no port")?.parse()?;
        let admin_token = text(&kubeconfig["users"][0]["user"], "token")?;
        Ok(Access { port, ca_pem: String::from_utf8(ca_pem)?, admin_token })
    }
}
