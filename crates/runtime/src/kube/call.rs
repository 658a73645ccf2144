//! One call to an API: made again while the server is busy, and what is said of it when it failed.

use std::time::Duration;

use super::write::{Failure, WriteError, classify};

/// A call that failed. Never quotes a Secret.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing}: {failure}")]
pub struct CallError {
    doing: String,
    failure: Failure,
    #[source]
    source: Option<Box<kube::Error>>,
}

impl CallError {
    /// What an API answered to `doing` (`list vmcsr in namespace shop`).
    pub fn new(doing: impl Into<String>, error: kube::Error) -> Self {
        let failure = classify(&error);
        Self { doing: doing.into(), failure, source: Some(Box::new(error)) }
    }

    /// As [`CallError::new`] for calls about Secrets: the server's words and the causes may quote content, so they are
    /// left out.
    pub fn about_secret(doing: impl Into<String>, error: &kube::Error) -> Self {
        Self { doing: doing.into(), failure: classify(error).without_content(), source: None }
    }

    /// What was to be done.
    pub fn doing(&self) -> &str {
        &self.doing
    }

    /// What went wrong.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

/// An error that may be the server's wish to be asked again later.
pub trait Throttled {
    /// How long the server asks to wait, if that is what the error says.
    fn pause(&self) -> Option<Duration>;
}

impl Throttled for kube::Error {
    fn pause(&self) -> Option<Duration> {
        match self {
            Self::Api(status) if status.code == 503 => Some(PAUSE_OF_THE_TURNED_AWAY),
            _ => asked(&classify(self)),
        }
    }
}

impl Throttled for WriteError {
    fn pause(&self) -> Option<Duration> {
        self.failure().and_then(asked)
    }
}

/// Makes a call that may be repeated, and again as often as the server asks for a pause (429) or turns it away (503),
/// [`ATTEMPTS`] times in all.
///
/// Right after its kinds were installed a server answers so for a second or two: kube-apiserver 1.37 says 429 `storage
/// is (re)initializing`, and 503 `apiserver is shutting down` while it only replaces the storage of one kind.
pub async fn retried<T, E: Throttled>(call: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
    for _ in 1..ATTEMPTS {
        match call().await {
            Err(error) => match error.pause() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            },
            done => return done,
        }
    }
    call().await
}

fn asked(failure: &Failure) -> Option<Duration> {
    match failure {
        Failure::TooManyRequests { retry_after } => Some((*retry_after).min(LONGEST_PAUSE)),
        Failure::QuotaNotCounted(_) => Some(PAUSE_OF_THE_TURNED_AWAY),
        _ => None,
    }
}

/// What kube-apiserver asks for in the header `Retry-After` when it turns a request away.
const PAUSE_OF_THE_TURNED_AWAY: Duration = Duration::from_secs(1);
/// How often a call is made.
pub const ATTEMPTS: u32 = 10;
/// A person waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn refusal(json: &str) -> kube::Error {
        kube::Error::Api(Box::new(serde_json::from_str(json).unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_turned_away_is_made_again_after_the_pause() {
        let (begun, calls) = (tokio::time::Instant::now(), Cell::new(0));
        let call = async || {
            calls.set(calls.get() + 1);
            match calls.get() {
                1 => Err(refusal(r#"{"code":429,"details":{"retryAfterSeconds":1}}"#)),
                2 => Err(refusal(r#"{"code":503,"message":"apiserver is shutting down"}"#)),
                _ => Ok(7),
            }
        };
        assert_eq!(retried(call).await.unwrap(), 7);
        assert_eq!((calls.get(), begun.elapsed().as_secs()), (3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_busy_is_given_up() {
        let calls = Cell::new(0);
        let call = async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(refusal(r#"{"code":429}"#))
        };
        retried(call).await.unwrap_err();
        assert_eq!(calls.get(), ATTEMPTS);
    }

    #[tokio::test]
    async fn any_other_refusal_is_final() {
        let calls = Cell::new(0);
        let call = async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(refusal(r#"{"code":403,"reason":"Forbidden"}"#))
        };
        retried(call).await.unwrap_err();
        assert_eq!(calls.get(), 1);
    }

    #[test]
    fn what_the_server_says_about_a_secret_is_not_repeated() {
        let error =
            refusal(r#"{"code":422,"reason":"Invalid","message":"data[token]: eyJhbGciOi"}"#);
        let refused = CallError::about_secret("write the Secret", &error);
        assert!(!format!("{refused} {refused:?}").contains("eyJ"), "{refused:?}");
    }
}
