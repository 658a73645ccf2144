//! How long it may take until trust is established.

use std::time::{Duration, Instant};

use crate::DemoError;

/// A length of time that runs.
pub(super) struct Limit {
    whole: Duration,
    end: Instant,
}

impl Limit {
    /// Runs from `began` on.
    pub(super) fn new(began: Instant, whole: Duration) -> Self {
        Self { whole, end: began + whole }
    }

    /// Runs from now on: the time that a person took does not count.
    pub(super) fn begin_again(&mut self) {
        self.end = Instant::now() + self.whole;
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() > self.end
    }

    /// Awaits `work`; `missing` is what has not happened if the time is over first.
    pub(super) async fn within<T>(
        &self,
        missing: &str,
        work: impl Future<Output = Result<T, DemoError>>,
    ) -> Result<T, DemoError> {
        let outcome = tokio::time::timeout_at(self.end.into(), work).await;
        outcome.unwrap_or_else(|_| Err(self.too_late(missing.to_owned(), String::new())))
    }

    /// `missing` is what has not happened, `waiting_for` what the hub says that it waits for.
    pub(super) fn too_late(&self, missing: String, waiting_for: String) -> DemoError {
        DemoError::TooLate { limit: self.whole, missing, waiting_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_has_not_happened_in_time_is_named() {
        let limit = Limit::new(Instant::now(), Duration::from_secs(7));
        let never = std::future::pending::<Result<(), DemoError>>();
        let text = limit.within("the hub does not start", never).await.unwrap_err().to_string();
        assert!(text.contains("not established within 7 s: the hub does not start"), "{text}");
    }

    #[test]
    fn the_time_that_a_person_takes_does_not_count() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(20)).unwrap();
        let mut limit = Limit::new(long_ago, Duration::from_secs(10));
        assert!(limit.is_over());
        limit.begin_again();
        assert!(!limit.is_over());
    }
}
