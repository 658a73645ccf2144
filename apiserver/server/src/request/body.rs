//! Bodies of requests, received within limits.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::failure::Failure;
use crate::limits::BodyPermits;

/// The largest body of a request, as in kube-apiserver.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// How long a client may take to send one.
const SENDING_LIMIT: Duration = Duration::from_mins(1);

/// Bodies up to this size have a pool of their own: a small write does not wait for large ones.
const SMALL_BYTES: usize = 64 * 1024;

/// Reads a body up to the limit. A client that sends slowly holds what it has sent so far and nothing more, for a
/// minute at most.
pub(crate) async fn receive<B>(permits: BodyPermits, body: B) -> Result<Bytes, Failure>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    let late = || Failure::timeout("the body of the request did not arrive within 60 s");
    tokio::time::timeout(SENDING_LIMIT, receive_all(permits, body)).await.map_err(|_| late())?
}

async fn receive_all<B>(mut permits: BodyPermits, body: B) -> Result<Bytes, Failure>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    let mut body = std::pin::pin!(body);
    if body.size_hint().lower() > MOST_BYTES as u64 {
        drain(body).await;
        return Err(Failure::body_too_large(MOST_BYTES));
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Failure::bad_request(format!("reading the body failed: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = whole.len() + data.len();
        if length > MOST_BYTES {
            drop(whole);
            drain(body).await;
            return Err(Failure::body_too_large(MOST_BYTES));
        }
        let permit = if length > SMALL_BYTES { &mut permits.large } else { &mut permits.small };
        if !permit.extend(data.len()) {
            return Err(Failure::too_many_requests());
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Bytes of a body that is too large which are read and forgotten: a client that is still sending reads no answer.
const MOST_DRAINED: usize = 16 * 1024 * 1024;

async fn drain<B: http_body::Body<Data = Bytes>>(mut body: Pin<&mut B>) {
    let mut left = MOST_DRAINED;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        if length > left {
            return;
        }
        left -= length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::budget::Budget;

    #[tokio::test]
    async fn a_body_over_three_mebibytes_is_refused() {
        let budget = Budget::new(8 * 1024 * 1024);
        let permits = |master| BodyPermits {
            small: budget.empty_permit("a", master),
            large: budget.empty_permit("a", master),
        };
        let body = http_body_util::Full::new(Bytes::from(vec![b' '; MOST_BYTES + 1]));
        let refused = receive(permits(false), body).await.unwrap_err();
        assert_eq!(refused.code, http::StatusCode::PAYLOAD_TOO_LARGE);
        let body = http_body_util::Full::new(Bytes::from(vec![b' '; MOST_BYTES]));
        assert_eq!(receive(permits(true), body).await.unwrap().len(), MOST_BYTES);
        assert_eq!(budget.held(), 0);
    }
}
