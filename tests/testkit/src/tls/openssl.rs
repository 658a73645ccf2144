//! The same question, put to OpenSSL.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::process::{self, Failure, Process, with_free_ports};
use crate::{Directory, WorkloadCertificate, ports, wait};

/// Connects `openssl s_client` to `openssl s_server`, each with its certificate, each verifying
/// the other with its roots (PEM), and fetches a page. `Err` carries what both said.
///
/// A page must come back: with TLS 1.3 a client whose certificate is refused has finished its
/// handshake, and `s_client` alone says `ok` even where no handshake took place.
pub async fn handshake(
    server: &WorkloadCertificate,
    client: &WorkloadCertificate,
    server_roots: &str,
    client_roots: &str,
) -> Result<(), String> {
    let outcome = with_free_ports(async || {
        let directory = Directory::create("openssl-tls")?;
        write(&directory, "server", server, server_roots)?;
        write(&directory, "client", client, client_roots)?;
        let port = ports::free()?;
        let server = start_server(&directory, port).await?;
        let page = fetch(&directory, port).await;
        let page = page.map_err(|error| error.context(server.evidence()));
        page.map_err(Failure::Other)
    });
    outcome.await.map_err(|error| format!("{error:#}"))
}

fn write(directory: &Directory, side: &str, own: &WorkloadCertificate, roots: &str) -> Result<()> {
    // `-cert` takes the first certificate, `-cert_chain` sends the rest: one file serves both.
    directory.write(&format!("{side}.pem"), &own.chain_pem)?;
    directory.write(&format!("{side}.key"), &own.key_pem)?;
    directory.write(&format!("{side}-roots.pem"), roots)?;
    Ok(())
}

fn identity(side: &str) -> [String; 10] {
    [
        "-cert".to_owned(),
        format!("{side}.pem"),
        "-cert_chain".to_owned(),
        format!("{side}.pem"),
        "-key".to_owned(),
        format!("{side}.key"),
        "-verifyCAfile".to_owned(),
        format!("{side}-roots.pem"),
        "-verify_return_error".to_owned(),
        "-no_ticket".to_owned(),
    ]
}

async fn start_server(directory: &Directory, port: u16) -> Result<Process, Failure> {
    let mut command = process::command("openssl");
    command
        .current_dir(directory.path())
        .args(["s_server", "-accept", &format!("127.0.0.1:{port}")])
        .args(["-www", "-Verify", "5"])
        .args(identity("server"));
    let process = Process::spawn("openssl s_server", command, directory.join("server.log"))
        .context("cannot run openssl")?;
    let accepts = async || {
        if process.log().contains("ACCEPT") {
            return Ok(());
        }
        bail!("s_server does not accept yet")
    };
    process.ready(wait::LIMIT, accepts).await?;
    Ok(process)
}

async fn fetch(directory: &Directory, port: u16) -> Result<()> {
    let mut child = Command::new("openssl")
        .current_dir(directory.path())
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .args(["-quiet", "-verify", "5"])
        .args(identity("client"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot run openssl")?;
    let mut stdin = child.stdin.take().context("s_client has no input")?;
    // A refused connection may be closed before this is written; the exit status tells.
    let _ = stdin.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
    let output = tokio::time::timeout(wait::LIMIT, child.wait_with_output());
    let output = output.await.context("s_client does not end")??;
    let page = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && page.starts_with("HTTP/1.0 200") {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    bail!("openssl s_client ({}): {}", output.status, said.trim())
}
