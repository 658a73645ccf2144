//! Doing as a busy server asks: a call that it turned away (429) was not carried out and is made again.

use std::time::Duration;

use meshroot_runtime::kube::write::{Failure, WriteError, classify};

/// How long the server asks to wait, if that is what an error says.
pub trait Pause {
    /// The pause.
    fn pause(&self) -> Option<Duration>;
}

impl Pause for kube::Error {
    fn pause(&self) -> Option<Duration> {
        asked(&classify(self))
    }
}

impl Pause for WriteError {
    fn pause(&self) -> Option<Duration> {
        self.failure().and_then(asked)
    }
}

/// Makes a call, and again as often as the server asks for a pause, [`MOST`] times in all.
///
/// Right after its kinds were installed a server answers so for a second or two.
pub async fn patiently<T, E: Pause>(call: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
    for _ in 1..MOST {
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
        Failure::TooManyRequests { retry_after } => Some((*retry_after).min(LONGEST)),
        _ => None,
    }
}

/// How often a call is made.
pub const MOST: u32 = 10;
/// A person waits.
const LONGEST: Duration = Duration::from_secs(5);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
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
            if calls.get() < 3 {
                Err(refusal(r#"{"code":429,"details":{"retryAfterSeconds":1}}"#))
            } else {
                Ok(7)
            }
        };
        assert_eq!(patiently(call).await.unwrap(), 7);
        assert_eq!((calls.get(), begun.elapsed().as_secs()), (3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let calls = Cell::new(0);
        let call = async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(refusal(r#"{"code":429}"#))
        };
        patiently(call).await.unwrap_err();
        assert_eq!(calls.get(), MOST);
    }

    #[tokio::test]
    async fn any_other_refusal_is_final() {
        let calls = Cell::new(0);
        let call = async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(refusal(r#"{"code":403,"reason":"Forbidden"}"#))
        };
        patiently(call).await.unwrap_err();
        assert_eq!(calls.get(), 1);
    }
}
