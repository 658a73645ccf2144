//! Revisions that clients ask for (`resourceVersion`).

use crate::failure::Failure;
use crate::state::objects::Objects;

/// Refuses a revision that this server has not come to.
pub(super) fn reached(objects: &Objects, text: &str) -> Result<u64, Failure> {
    let asked = parse(text)?;
    let current = objects.revision();
    if asked > current { Err(Failure::too_large(asked, current)) } else { Ok(asked) }
}

/// One object and watches answer a revision that is no number as an error of the server, as Kubernetes does.
pub(super) fn check_number(text: &str) -> Result<(), Failure> {
    if text.is_empty() || text.parse::<u64>().is_ok() {
        return Ok(());
    }
    let message = format!(
        "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
    );
    Err(Failure::unexpected(message))
}

/// The revision; 0 where none is asked for.
pub(super) fn parse(text: &str) -> Result<u64, Failure> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        Failure::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: \
             invalid syntax"
        ))
    })
}
