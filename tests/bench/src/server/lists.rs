//! Lists of a large collection: whole, and page by page.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::object::{NAMESPACE, collection};
use crate::connection::{Call, Endpoint};

/// How a list went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) milliseconds: f64,
    pub(super) megabytes: f64,
}

impl Listed {
    /// Refuses what cannot hold so many objects.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn since(started: Instant, bytes: usize, objects: usize) -> Result<Self> {
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        ensure!(bytes > objects * LEAST, "{bytes} bytes do not hold {objects} objects");
        Ok(Self { milliseconds, megabytes: bytes as f64 / 1e6 })
    }
}

/// Bytes that an object has as it was sent, before the server added to it.
const LEAST: usize = 2900;

/// From the request to the last byte.
pub(super) async fn whole(endpoint: &Endpoint, objects: usize) -> Result<Listed> {
    let mut connection = endpoint.connect().await?;
    let started = Instant::now();
    let bytes = connection.discard(Call::get(collection(NAMESPACE))).await?;
    Listed::since(started, bytes, objects)
}

/// From the first request to the last byte of the last page.
pub(super) async fn paged(endpoint: &Endpoint, objects: usize, page: usize) -> Result<Listed> {
    let mut connection = endpoint.connect().await?;
    let started = Instant::now();
    let (mut bytes, mut pages, mut next) = (0, 0, Some(String::new()));
    while let Some(token) = next {
        let path = format!("{}?limit={page}&continue={token}", collection(NAMESPACE));
        let answer = connection.bytes(Call::get(path)).await?;
        bytes += answer.len();
        pages += 1;
        next = continuation(&answer);
    }
    ensure!(pages == objects.div_ceil(page), "{objects} objects came in {pages} pages of {page}");
    Listed::since(started, bytes, objects)
}

/// The token of the next page: metadata is at the beginning or at the end, and no object is read for it.
fn continuation(list: &[u8]) -> Option<String> {
    const NEAR: usize = 1024;
    let ends = [&list[..list.len().min(NEAR)], &list[list.len().saturating_sub(NEAR)..]];
    ends.into_iter().find_map(|part| {
        let text = String::from_utf8_lossy(part);
        let (_, rest) = text.split_once("\"continue\":\"")?;
        let (token, _) = rest.split_once('"')?;
        Some(token.replace('=', "%3D")).filter(|token| !token.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_the_next_page_is_found_before_and_after_the_objects() {
        let objects = format!(r#""items":["{}"]"#, "x".repeat(5000));
        let before = format!(r#"{{"metadata":{{"continue":"abc=="}},{objects}}}"#);
        let after = format!(r#"{{{objects},"metadata":{{"continue":"abc=="}}}}"#);
        for list in [before, after] {
            assert_eq!(continuation(list.as_bytes()).as_deref(), Some("abc%3D%3D"));
        }
    }

    #[test]
    fn the_last_page_has_no_token() {
        for list in [r#"{"metadata":{"continue":"","resourceVersion":"7"}}"#, r#"{"metadata":{}}"#]
        {
            assert_eq!(continuation(list.as_bytes()), None);
        }
    }
}
