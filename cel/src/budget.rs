//! What bounds an evaluation: a number of steps, and the size of what it makes.

use std::cell::Cell;

/// Steps of one expression, as the real server's `PerCallLimit`.
pub(crate) const EXPRESSION: u64 = 1_000_000;

/// Steps of all expressions on one object or binding, as the real server's `RuntimeCELCostBudget`.
pub(crate) const OBJECT: u64 = 10_000_000;

/// Largest string or list that an expression may make, in bytes or entries.
pub(crate) const LARGEST: usize = 16 << 20;

/// What stops an evaluation.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    /// The expression asks for what is not there or not possible.
    #[error("{0}")]
    Evaluation(String),
    /// The expression takes more steps than one may.
    #[error("operation cancelled: actual cost limit exceeded")]
    Budget,
}

impl Fault {
    /// What is not possible.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Evaluation(message.into())
    }

    /// A function or operator does not take these values.
    pub fn overload() -> Self {
        Self::new("no such overload")
    }
}

/// Counts steps down.
#[derive(Debug)]
pub struct Budget {
    left: Cell<u64>,
    allowed: Cell<u64>,
}

impl Budget {
    /// All steps of an object.
    pub const fn new() -> Self {
        Self { left: Cell::new(OBJECT), allowed: Cell::new(0) }
    }

    /// Whether all steps of the object are taken.
    pub const fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Begins an expression: it may take [`EXPRESSION`] steps.
    pub(crate) fn begin(&self) {
        self.allowed.set(EXPRESSION);
    }

    /// Takes steps of the expression and the object.
    pub(crate) fn take(&self, steps: u64) -> Result<(), Fault> {
        let allowed = self.allowed.get();
        if allowed < steps {
            self.left.set(self.left.get().saturating_sub(allowed));
            self.allowed.set(0);
            return Err(Fault::Budget);
        }
        self.allowed.set(allowed - steps);
        self.left.set(self.left.get().saturating_sub(steps));
        Ok(())
    }

    /// Takes the steps of looking through `bytes` bytes.
    pub(crate) fn take_bytes(&self, bytes: usize) -> Result<(), Fault> {
        self.take(bytes as u64 / 10)
    }

    /// Refuses to make something too large; takes its steps otherwise.
    pub(crate) fn take_result(&self, size: usize) -> Result<(), Fault> {
        if size > LARGEST {
            return Err(Fault::Budget);
        }
        self.take_bytes(size)
    }
}
