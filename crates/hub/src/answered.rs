//! Requests that this hub has answered and that its local copy still shows as open.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use meshroot_core::membership::Key;

/// How long the watch may take to bring an answer. After that the request is worked on again, as the ledger says.
pub(crate) const ARRIVES: Duration = Duration::from_mins(1);

/// An answer is final once the API has taken it: until the watch brings it, the request is not worked on again.
#[derive(Debug, Default)]
pub(crate) struct Answered(Mutex<HashMap<Key, (String, Instant)>>);

impl Answered {
    /// The API has taken the answer to the request of this name and uid.
    pub(crate) fn add(&self, request: Key, uid: String, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(request, (uid, now));
    }

    /// Whether it was this request, not an earlier one of the name, and not long ago.
    pub(crate) fn contains(&self, request: &Key, uid: &str, now: Instant) -> bool {
        let answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answered
            .get(request)
            .is_some_and(|(answered, at)| answered == uid && now.duration_since(*at) < ARRIVES)
    }

    /// The local copy shows the answer, or the request is gone.
    pub(crate) fn forget(&self, request: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_own_request_and_until_it_should_have_arrived() {
        let (answered, key, now) =
            (Answered::default(), Key::new("meshroot-cluster-east", "m.demo.1"), Instant::now());
        answered.add(key.clone(), "one".to_owned(), now);
        assert!(answered.contains(&key, "one", now));
        assert!(!answered.contains(&key, "two", now), "a new request of the name");
        assert!(!answered.contains(&key, "one", now + ARRIVES));
        answered.forget(&key);
        assert!(!answered.contains(&key, "one", now));
    }
}
