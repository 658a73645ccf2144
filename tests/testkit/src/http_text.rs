//! Plain `GET` of a text page: readiness and metrics of servers on loopback.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The body of a page that answers 200; any other status is an error that carries the body.
pub async fn fetch(port: u16, path: &str) -> Result<String> {
    let (status, body) =
        exchange(port, path).await.with_context(|| format!("GET http://127.0.0.1:{port}{path}"))?;
    if status != 200 {
        bail!("GET http://127.0.0.1:{port}{path}: status {status}: {body}");
    }
    Ok(body)
}

async fn exchange(port: u16, path: &str) -> Result<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0 asks for a body that ends with the connection, never a chunked one.
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> Result<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of headers")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?;
    Ok((status.parse()?, body.to_owned()))
}
