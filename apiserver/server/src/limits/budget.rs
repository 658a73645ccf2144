//! A number of places that all users share, divided so that none can take them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A number of places. Each user may hold half of them at a time; the administrators may hold all.
#[derive(Debug)]
pub(crate) struct Budget {
    places: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_user: HashMap<Arc<str>, usize>,
}

/// Places that are given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    user: Arc<str>,
    /// The most places that the user may hold.
    limit: usize,
    places: usize,
}

impl Budget {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places, held: Mutex::default() })
    }

    /// Takes one place; `None` where the user, or everybody together, holds as many as may be.
    pub(crate) fn permit(self: &Arc<Self>, user: &str, master: bool) -> Option<Permit> {
        let mut permit = self.empty_permit(user, master);
        permit.extend(1).then_some(permit)
    }

    /// A permit without a place, to be extended.
    pub(crate) fn empty_permit(self: &Arc<Self>, user: &str, master: bool) -> Permit {
        let limit = if master { self.places } else { self.places / 2 };
        Permit { budget: self.clone(), user: user.into(), limit, places: 0 }
    }

    /// Places that are taken.
    pub(crate) fn held(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Permit {
    /// Takes more places; false, and none taken, where that is too many.
    pub(crate) fn extend(&mut self, places: usize) -> bool {
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by_user.get(&self.user).copied().unwrap_or(0);
        if held.all + places > self.budget.places || own + places > self.limit {
            return false;
        }
        held.all += places;
        *held.by_user.entry(self.user.clone()).or_default() += places;
        self.places += places;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
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
mod tests {
    use super::*;

    #[test]
    fn one_user_takes_half_and_no_more() {
        let budget = Budget::new(4);
        let held = [budget.permit("a", false).unwrap(), budget.permit("a", false).unwrap()];
        assert!(budget.permit("a", false).is_none());
        let other = budget.permit("b", false).unwrap();
        drop(held);
        assert!(budget.permit("a", false).is_some());
        drop(other);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn administrators_are_not_held_back_by_their_share() {
        let budget = Budget::new(4);
        let mut all = budget.empty_permit("admin", true);
        assert!(all.extend(4));
        assert!(budget.permit("b", false).is_none());
    }
}
