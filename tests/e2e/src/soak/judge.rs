//! What must hold, as functions of what was seen: each gives what is wrong, in words.

pub(crate) mod answers;
pub(crate) mod approval;
pub(crate) mod installed;
pub(crate) mod ledger;
#[cfg(test)]
pub(crate) mod samples;
