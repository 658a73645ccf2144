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
    let (status, body) = parse(&answer)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

fn parse(answer: &[u8]) -> Result<(u16, Vec<u8>)> {
    let (head, body) = cut(answer, b"\r\n\r\n").context("the answer has no end of headers")?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    let is_chunked = head.contains("\r\ntransfer-encoding: chunked");
    Ok((status, if is_chunked { joined(body)? } else { body.to_owned() }))
}

/// The chunks of a body as one (RFC 9112, section 7.1).
fn joined(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (size, after) = cut(rest, b"\r\n").context("a chunk has no size")?;
        let size = usize::from_str_radix(std::str::from_utf8(size)?, 16)?;
        if size == 0 {
            return Ok(body);
        }
        let (chunk, after) = after.split_at_checked(size).context("a chunk is cut off")?;
        body.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n").context("a chunk has no end")?;
    }
}

/// What stands before and after the first `mark`.
fn cut<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = text.windows(mark.len()).position(|window| window == mark)?;
    Some((&text[..place], &text[place + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_chunks_comes_as_one() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        // The two bytes of the letter are in two chunks.
        let body = [&b"4\r\none\xc3\r\n"[..], b"b\r\n\xa90123456789\r\n0\r\n\r\n"].concat();
        let (status, text) = parse(&[head.as_bytes(), &body].concat()).unwrap();
        assert_eq!((status, &*text), (200, "one\u{e9}0123456789".as_bytes()));
        parse(format!("{head}4\r\non").as_bytes()).unwrap_err();
        assert_eq!(parse(b"HTTP/1.1 503 x\r\n\r\nbody").unwrap(), (503, b"body".to_vec()));
    }
}
