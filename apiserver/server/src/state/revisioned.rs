//! A value that is made from stored objects, and made anew after one of them changed.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A value of `T` and the revision that it was made at. Whoever asks compares it with the newest change of what it is
/// made from: it does not matter who made the change, or whether its writer is still there.
pub(crate) struct Revisioned<T> {
    current: RwLock<(u64, Arc<T>)>,
    making: Mutex<()>,
}

impl<T> Revisioned<T> {
    /// Holds a value that will be made at the first look.
    pub(crate) fn new(empty: T) -> Self {
        Self { current: RwLock::new((0, Arc::new(empty))), making: Mutex::new(()) }
    }

    /// The value; `changed` is the revision of the newest change of its sources, and `make`, which gets the value
    /// before, reads them.
    pub(crate) fn read(&self, changed: impl Fn() -> u64, make: impl FnOnce(&T) -> T) -> Arc<T> {
        if let Some(value) = self.fresh(changed()) {
            return value;
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked before the sources are read: a change in between makes the value anew once more, never too old.
        let known = changed();
        if let Some(value) = self.fresh(known) {
            return value;
        }
        let before = self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone();
        let value = Arc::new(make(&before));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (known, value.clone());
        value
    }

    fn fresh(&self, changed: u64) -> Option<Arc<T>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        (current.0 == changed && changed > 0).then(|| current.1.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_for_each_change() {
        let value = Revisioned::new(0);
        assert_eq!(*value.read(|| 1, |before| before + 1), 1);
        assert_eq!(*value.read(|| 1, |before| before + 1), 1);
        assert_eq!(*value.read(|| 2, |before| before + 1), 2);
    }
}
