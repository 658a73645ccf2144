//! What bounds an evaluation: a number of steps, and the size of what it makes.

use std::cell::Cell;

use crate::fault::Fault;

/// Largest string or list that an expression may make, in bytes or entries.
const LARGEST: usize = 16 << 20;

/// Counts steps down.
#[derive(Debug)]
pub struct Budget {
    each: u64,
    left: Cell<u64>,
    allowed: Cell<u64>,
}

impl Budget {
    /// `each`: steps of one expression. `all`: steps of all expressions together.
    pub const fn new(each: u64, all: u64) -> Self {
        Self { each, left: Cell::new(all), allowed: Cell::new(0) }
    }

    /// Whether the steps of all expressions are taken.
    pub const fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Begins an expression.
    pub(crate) fn begin(&self) {
        self.allowed.set(self.each);
    }

    /// Runs an expression within another: it has as many steps as any, and takes none of the other's, as kube-apiserver
    /// counts variables of admission policies.
    pub(crate) fn nested<T>(&self, run: impl FnOnce() -> T) -> T {
        let outer = self.allowed.replace(self.each);
        let outcome = run();
        self.allowed.set(outer);
        outcome
    }

    /// Takes steps of the expression.
    ///
    /// # Errors
    /// [`Fault::Budget`] where there are not as many left.
    pub fn take(&self, steps: u64) -> Result<(), Fault> {
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
