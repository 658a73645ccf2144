//! Where each open request stands, as far as this hub has brought it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_core::Notice;
use meshroot_core::membership::Key;
use tokio::time::Instant;

/// How long the watch may take to bring an answer. After that the request is worked on again, as the ledger says.
pub(crate) const ARRIVES: Duration = Duration::from_mins(1);

/// What this hub last did with each request that its local copy shows as open. Of a request's uid: another one of the
/// same name stands where it began.
#[derive(Debug, Default)]
pub(crate) struct Standings(Mutex<HashMap<Key, (String, Standing)>>);

#[derive(Clone, Debug)]
enum Standing {
    /// The API has taken an answer, which is final: until the watch brings it, the request is not worked on again.
    Answered(Instant),
    /// It was said what is waited for, or why it is refused.
    Said(Notice),
}

impl Standings {
    /// The API has taken the answer to a request.
    pub(crate) fn answered(&self, request: &Request, now: Instant) {
        self.put(request, Standing::Answered(now));
    }

    /// Whether this very request was answered, not long ago.
    pub(crate) fn is_answered(&self, request: &Request, now: Instant) -> bool {
        let standing = self.of(request);
        matches!(standing, Some(Standing::Answered(at)) if now.duration_since(at) < ARRIVES)
    }

    /// This is what there is to say of an open request.
    pub(crate) fn said(&self, request: &Request, notice: &Notice) {
        self.put(request, Standing::Said(notice.clone()));
    }

    /// What was last said of this very request.
    pub(crate) fn notice(&self, request: &Request) -> Option<Notice> {
        match self.of(request)? {
            Standing::Said(notice) => Some(notice),
            Standing::Answered(_) => None,
        }
    }

    /// The local copy shows the answer, or the request is gone.
    pub(crate) fn forget(&self, request: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(request);
    }

    fn put(&self, request: &Request, standing: Standing) {
        let uid = request.metadata.uid.clone().unwrap_or_default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(Key::of(request), (uid, standing));
    }

    fn of(&self, request: &Request) -> Option<Standing> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (uid, standing) = all.get(&Key::of(request))?;
        (request.metadata.uid.as_ref() == Some(uid)).then(|| standing.clone())
    }
}

#[cfg(test)]
mod tests {
    use meshroot_api::Reason;

    use super::*;

    fn request(uid: &str) -> Request {
        let mut request = Request::new(
            "m.demo.1",
            meshroot_api::security::VirtualMeshCertificateSigningRequestSpec::default(),
        );
        request.metadata.namespace = Some("meshroot-cluster-east".to_owned());
        request.metadata.uid = Some(uid.to_owned());
        request
    }

    #[test]
    fn an_answer_counts_for_its_own_request_and_until_it_should_have_arrived() {
        let (standings, one, now) = (Standings::default(), request("one"), Instant::now());
        standings.answered(&one, now);
        assert!(standings.is_answered(&one, now));
        assert!(!standings.is_answered(&request("two"), now), "a new request of the name");
        assert!(!standings.is_answered(&one, now + ARRIVES));
        standings.forget(&Key::of(&one));
        assert!(!standings.is_answered(&one, now));
    }

    #[test]
    fn what_was_said_is_known_until_the_request_is_answered() {
        let (standings, one, now) = (Standings::default(), request("one"), Instant::now());
        let notice = Notice::new(Reason::WaitingForApproval, "waiting");
        standings.said(&one, &notice);
        assert_eq!(standings.notice(&one), Some(notice));
        assert_eq!(standings.notice(&request("two")), None, "a new request of the name");
        standings.answered(&one, now);
        assert_eq!(standings.notice(&one), None);
    }
}
