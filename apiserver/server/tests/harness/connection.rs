//! HTTP/1.1 by hand.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Answer;

/// No answer takes longer in these tests, however busy the machine is.
pub const LIMIT: Duration = Duration::from_secs(40);

/// A TLS connection, and what was received and not yet looked at.
pub struct Connection {
    pub stream: TlsStream<TcpStream>,
    received: Vec<u8>,
    token: String,
}

impl Connection {
    pub fn new(stream: TlsStream<TcpStream>, token: &str) -> Self {
        Self { stream, received: Vec::new(), token: token.to_owned() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// The head of a request as the administrator; `headers` are whole lines without their ends.
    pub fn head(&self, method: &str, target: &str, headers: &[&str]) -> String {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        if !headers.iter().any(|line| line.to_ascii_lowercase().starts_with("authorization:")) {
            head.extend(["Authorization: Bearer ", &self.token, "\r\n"]);
        }
        for line in headers {
            head += line;
            head += "\r\n";
        }
        head + "\r\n"
    }

    /// Sends a whole request. That the server answers before it was read to its end is no error.
    pub async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Result<Answer> {
        let length = format!("Content-Length: {}", body.len());
        let mut lines = headers.to_vec();
        lines.push(&length);
        let mut request = self.head(method, target, &lines).into_bytes();
        request.extend_from_slice(body);
        let sent = self.send(request).await;
        match self.answer().await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, &[], b"").await.unwrap()
    }

    pub async fn json(&mut self, method: &str, target: &str, body: &serde_json::Value) -> Answer {
        let content = if method == "PATCH" { "merge-patch+json" } else { "json" };
        let header = format!("Content-Type: application/{content}");
        self.request(method, target, &[&header], body.to_string().as_bytes()).await.unwrap()
    }

    /// Reads one answer to its end.
    pub async fn answer(&mut self) -> Result<Answer> {
        let reading = async {
            let mut answer = self.answer_head().await?;
            answer.body = if answer.code < 200 || answer.code == 204 {
                Vec::new()
            } else if answer.header("transfer-encoding").is_some() {
                self.chunked().await?
            } else if let Some(length) = answer.header("content-length") {
                let length = length.parse().unwrap();
                self.exactly(length).await?
            } else {
                self.rest().await?
            };
            Ok(answer)
        };
        within(LIMIT, reading).await
    }

    /// Reads an answer up to its body.
    pub async fn answer_head(&mut self) -> Result<Answer> {
        let head = self.until(b"\r\n\r\n").await?;
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let code =
            lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Answer {
            code: code.unwrap_or_else(|| panic!("no status line: {head}")),
            headers,
            body: Vec::new(),
        })
    }

    async fn chunked(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend(chunk);
        }
        Ok(body)
    }

    /// The next chunk of a body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let line = String::from_utf8(self.until(b"\r\n").await?).unwrap();
        let size = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = self.exactly(size + 2).await?;
        chunk.truncate(size);
        Ok((size > 0).then_some(chunk))
    }

    async fn until(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        let mut looked_at = 0;
        loop {
            if let Some(place) = memchr::memmem::find(&self.received[looked_at..], end) {
                return Ok(self.received.drain(..looked_at + place + end.len()).collect());
            }
            looked_at = self.received.len().saturating_sub(end.len());
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.received.len() < length {
            self.more().await?;
        }
        Ok(self.received.drain(..length).collect())
    }

    async fn rest(&mut self) -> Result<Vec<u8>> {
        loop {
            match self.more().await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Ok(std::mem::take(&mut self.received));
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn more(&mut self) -> Result<()> {
        let before = self.received.len();
        self.received.reserve(64 * 1024);
        let count = self.stream.read_buf(&mut self.received).await?;
        if count == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        debug_assert_eq!(self.received.len(), before + count);
        Ok(())
    }

    /// Waits until the server ends the connection, and says how long that took.
    pub async fn ended(&mut self, limit: Duration) -> Result<Duration> {
        let start = std::time::Instant::now();
        let waiting = async {
            while self.more().await.is_ok() {}
            Ok(start.elapsed())
        };
        within(limit, waiting).await
    }
}

/// Events of a watch, line by line.
pub struct Events {
    connection: Connection,
    pending: Vec<u8>,
}

impl Events {
    /// Begins a watch; the answer must be 200.
    pub async fn begin(connection: Connection, target: &str) -> Self {
        Self::begin_with(connection, target, &[]).await
    }

    /// The same with more headers.
    pub async fn begin_with(mut connection: Connection, target: &str, headers: &[&str]) -> Self {
        let head = connection.head("GET", target, headers);
        connection.send(head).await.unwrap();
        let answer = within(LIMIT, connection.answer_head()).await.unwrap();
        answer.assert_code(target, 200);
        Self { connection, pending: Vec::new() }
    }

    /// The next event; an error where the watch ended.
    pub async fn next(&mut self) -> Result<serde_json::Value> {
        within(LIMIT, async {
            loop {
                if let Some(end) = memchr::memchr(b'\n', &self.pending) {
                    let line: Vec<u8> = self.pending.drain(..=end).collect();
                    return Ok(serde_json::from_slice(&line).unwrap());
                }
                match self.connection.chunk().await? {
                    Some(chunk) => self.pending.extend(chunk),
                    None => return Err(Error::new(ErrorKind::UnexpectedEof, "the watch ended")),
                }
            }
        })
        .await
    }
}

/// A limit for something that must not take forever.
pub async fn within<T>(limit: Duration, what: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::new(ErrorKind::TimedOut, format!("nothing within {limit:?}"));
    tokio::time::timeout(limit, what).await.map_err(late)?
}
