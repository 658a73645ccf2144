//! Waiting for a condition, with a limit.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::Instant;

/// How long a condition may take that should hold within a second or two on an idle machine.
pub const LIMIT: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(25);

/// Tries until the attempt succeeds and returns what it gave.
///
/// The error, after `limit`, names `what` was waited for and carries the last attempt's error.
pub async fn until<T, F>(what: &str, limit: Duration, mut attempt: F) -> Result<T>
where
    F: AsyncFnMut() -> Result<T>,
{
    let deadline = Instant::now() + limit;
    loop {
        let refusal = match tokio::time::timeout_at(deadline, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(refusal)) => refusal,
            Err(_) => anyhow::anyhow!("the last attempt did not return"),
        };
        if Instant::now() + PAUSE >= deadline {
            return Err(refusal).with_context(|| format!("{what}: not within {limit:?}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_condition_that_holds_at_the_third_attempt_is_met() {
        let mut attempts = 0;
        let attempt = async || {
            attempts += 1;
            anyhow::ensure!(attempts == 3, "attempt {attempts}");
            Ok(attempts)
        };
        assert_eq!(until("third attempt", LIMIT, attempt).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_condition_that_never_holds_names_itself_and_the_last_refusal() {
        let attempt = async || -> Result<()> { anyhow::bail!("still closed") };
        let error = until("the door", Duration::from_millis(60), attempt).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "the door: not within 60ms: still closed");
    }

    #[tokio::test]
    async fn an_attempt_that_hangs_is_cut_off_at_the_limit() {
        let attempt = async || std::future::pending::<Result<()>>().await;
        let error = until("the reply", Duration::from_millis(60), attempt).await.unwrap_err();
        assert!(format!("{error:#}").contains("did not return"));
    }
}
