//! What a case is.

use anyhow::Result;
use futures::future::LocalBoxFuture;

use super::call::Call;
use super::session::Session;

/// One behaviour, shown by what a server answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// A sentence about behaviour.
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    /// Where the embedded server answers otherwise, on purpose.
    pub(crate) difference: Option<Difference>,
}

/// How a case is run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    Calls(fn() -> Vec<Call>),
    Steps(Steps),
}

/// A case in code: it asks through the session, which records.
pub(crate) type Steps = for<'a> fn(&'a mut Session) -> LocalBoxFuture<'a, Result<()>>;

/// A difference that is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Difference {
    /// The reason, for the reader of the table.
    pub(crate) why: &'static str,
    /// Each value that differs: the step (the first is 1), the place in it as a JSON pointer, and
    /// what the embedded server answers there (JSON; empty for nothing at all).
    pub(crate) answers: &'static [(usize, &'static str, &'static str)],
}

impl Case {
    /// A case that is a plain sequence of requests.
    pub(crate) const fn calls(name: &'static str, calls: fn() -> Vec<Call>) -> Self {
        Self { name, run: Run::Calls(calls), difference: None }
    }

    /// A case in code.
    pub(crate) const fn steps(name: &'static str, steps: Steps) -> Self {
        Self { name, run: Run::Steps(steps), difference: None }
    }

    /// Declares where the embedded server differs on purpose.
    pub(crate) const fn differs(mut self, difference: Difference) -> Self {
        self.difference = Some(difference);
        self
    }
}
