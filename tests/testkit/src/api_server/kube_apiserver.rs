//! The real kube-apiserver, on a part of an etcd of its own.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Access, Run, TOKEN_ISSUER, is_ready};
use crate::process::{self, Failure, Process};
use crate::{Directory, Etcd, signing_key, tools, wait};

/// What stays the same when it is restarted.
#[derive(Debug)]
pub(super) struct KubeApiserver {
    pub(super) directory: Directory,
    etcd_url: String,
    etcd_prefix: String,
    admin_token: String,
    audited: bool,
}

/// What ServiceAccounts did, one line each.
pub(super) const AUDIT_LOG: &str = "audit.log";
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- { level: Metadata, userGroups: ['system:serviceaccounts'] }
- { level: None }
";

impl KubeApiserver {
    pub(super) fn create(etcd: &Etcd, name: &str, audited: bool) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory = Directory::create(&format!("apiserver-{name}"))?;
        let (private, public) = signing_key::generate()?;
        directory.write("service-accounts.key", private)?;
        directory.write("service-accounts.pub", public)?;
        let admin_token = signing_key::random_token()?;
        directory.write("tokens.csv", format!("{admin_token},admin,admin,system:masters\n"))?;
        directory.write("audit-policy.yaml", AUDIT_POLICY)?;
        Ok(Self {
            audited,
            directory,
            etcd_url: etcd.url().to_owned(),
            etcd_prefix: format!("/{name}-{number}"),
            admin_token,
        })
    }

    pub(super) async fn run(&self, name: &str, port: u16) -> Result<Run, Failure> {
        let log = self.directory.join("kube-apiserver.log");
        let process = Process::spawn(&format!("kube-apiserver {name}"), self.command(port)?, log)?;
        // What it acknowledged is in etcd already, and its graceful end takes a second or more.
        let process = process.with_grace(Duration::ZERO);
        // Judged with the server's own CA, which it makes when it first starts.
        let certificate = self.directory.join("pki/apiserver.crt");
        let probe = async || {
            let ca_pem = std::fs::read_to_string(&certificate)
                .with_context(|| format!("{} is not there yet", certificate.display()))?;
            let access = Access { port, ca_pem, admin_token: self.admin_token.clone() };
            is_ready(&access).await?;
            Ok(access)
        };
        let access = process.ready(wait::LIMIT, probe).await?;
        Ok(Run { process, access })
    }

    fn command(&self, port: u16) -> Result<Command> {
        let file =
            |flag: &str, name: &str| format!("{flag}={}", self.directory.join(name).display());
        let mut command = process::command(tools::path("kube-apiserver")?);
        command
            .arg(format!("--etcd-servers={}", self.etcd_url))
            .arg(format!("--etcd-prefix={}", self.etcd_prefix))
            .arg(file("--cert-dir", "pki"))
            .arg(format!("--secure-port={port}"))
            .arg("--bind-address=127.0.0.1")
            // Otherwise the server looks for a default route, which a closed network has not.
            .arg("--advertise-address=127.0.0.1")
            .arg("--endpoint-reconciler-type=none")
            .arg("--service-cluster-ip-range=10.0.0.0/24")
            .arg(file("--service-account-key-file", "service-accounts.pub"))
            .arg(file("--service-account-signing-key-file", "service-accounts.key"))
            .arg(format!("--service-account-issuer={TOKEN_ISSUER}"))
            // As the embedded server: what is cut off, and how it is said, is compared.
            .arg("--service-account-max-token-expiration=720h")
            .arg(file("--token-auth-file", "tokens.csv"))
            .arg("--authorization-mode=RBAC")
            .arg("--disable-admission-plugins=ServiceAccount");
        if self.audited {
            command
                .arg(file("--audit-policy-file", "audit-policy.yaml"))
                .arg(file("--audit-log-path", AUDIT_LOG));
        }
        Ok(command)
    }
}
