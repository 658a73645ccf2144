//! Health checks.

use http::StatusCode;
use http::request::Parts;

use crate::answer::Answer;

/// There is one check: that the server answers. What it cannot store, its writer is told.
pub(super) fn answer(check: &str, parts: &Parts) -> Answer {
    let verbose = parts
        .uri
        .query()
        .is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let text =
        if verbose { format!("[+]ping ok\n{check} check passed\n") } else { "ok".to_owned() };
    Answer::text(StatusCode::OK, text)
}
