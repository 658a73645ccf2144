//! What all clients share, divided so that none can take it all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A number of places. Each user may hold half of them at a time; the administrators may hold all.
#[derive(Debug)]
pub(crate) struct Shares {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_user: HashMap<Arc<str>, usize>,
}

/// Places that are given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    user: Arc<str>,
    places: usize,
}

impl Shares {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// Takes one place; `None` where the user, or everybody together, holds as many as may be.
    pub(crate) fn take(self: &Arc<Self>, user: &str, master: bool) -> Option<Share> {
        let mut share = self.none(user);
        share.add(1, master).then_some(share)
    }

    /// A share without a place, to add to.
    pub(crate) fn none(self: &Arc<Self>, user: &str) -> Share {
        Share { shares: self.clone(), user: user.into(), places: 0 }
    }

    /// Places that are taken.
    pub(crate) fn held(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Share {
    /// Takes more places; false, and none taken, where that is too many.
    pub(crate) fn add(&mut self, places: usize, master: bool) -> bool {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by_user.get(&self.user).copied().unwrap_or(0);
        let most = if master { self.shares.most } else { self.shares.most / 2 };
        if held.all + places > self.shares.most || own + places > most {
            return false;
        }
        held.all += places;
        *held.by_user.entry(self.user.clone()).or_default() += places;
        self.places += places;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all -= self.places;
        if let Some(own) = held.by_user.get_mut(&self.user) {
            *own -= self.places;
            if *own == 0 {
                held.by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_user_takes_half_and_no_more() {
        let shares = Shares::new(4);
        let held = [shares.take("a", false).unwrap(), shares.take("a", false).unwrap()];
        assert!(shares.take("a", false).is_none());
        let other = shares.take("b", false).unwrap();
        drop(held);
        assert!(shares.take("a", false).is_some());
        drop(other);
        assert_eq!(shares.held(), 0);
    }

    #[test]
    fn administrators_are_not_held_back_by_their_share() {
        let shares = Shares::new(4);
        let mut all = shares.none("admin");
        assert!(all.add(4, true));
        assert!(shares.take("b", false).is_none());
    }
}
