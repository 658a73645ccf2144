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
    // Envoy does not answer HTTP/1.0.
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> Result<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of headers")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    let is_chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
    Ok((status, if is_chunked { joined(body)? } else { body.to_owned() }))
}

/// The chunks of a body as one text (RFC 9112, section 7.1).
fn joined(mut rest: &str) -> Result<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").context("a chunk has no size")?;
        let size = usize::from_str_radix(size, 16).context("the size of a chunk")?;
        if size == 0 {
            return Ok(body);
        }
        body += after.get(..size).context("a chunk is cut off")?;
        rest = after[size..].strip_prefix("\r\n").context("a chunk has no end")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_chunks_comes_as_one() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (status, body) =
            parse(&format!("{head}4\r\none\n\r\na\r\n0123456789\r\n0\r\n\r\n")).unwrap();
        assert_eq!((status, &*body), (200, "one\n0123456789"));
        parse(&format!("{head}4\r\non")).unwrap_err();
        assert_eq!(parse("HTTP/1.1 503 x\r\n\r\nbody").unwrap(), (503, "body".to_owned()));
    }
}
