//! Remembers tokens whose signature was found good, so that it is not checked with each request.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::VerifiedToken;
use crate::token_digest::TokenDigest;

/// Entries in each of the two generations.
const GENERATION: usize = 4096;

/// A verified token and when it was last known that its account exists.
#[derive(Clone)]
pub(crate) struct Remembered {
    pub(crate) token: Arc<VerifiedToken>,
    pub(crate) existence_checked: Option<Timestamp>,
}

/// At most two generations of tokens: a token that is used moves to the young one, the old one is dropped whole.
#[derive(Default)]
pub(crate) struct TokenCache {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<TokenDigest, Remembered>,
    old: HashMap<TokenDigest, Remembered>,
}

impl TokenCache {
    pub(crate) fn find(&self, key: &TokenDigest) -> Option<Remembered> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.young.get(key) {
            return Some(found.clone());
        }
        let found = generations.old.remove(key)?;
        generations.keep(*key, found.clone());
        Some(found)
    }

    pub(crate) fn keep(&self, key: TokenDigest, remembered: Remembered) {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner).keep(key, remembered);
    }

    pub(crate) fn forget(&self, key: &TokenDigest) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.remove(key);
        generations.old.remove(key);
    }
}

impl Generations {
    fn keep(&mut self, key: TokenDigest, remembered: Remembered) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, remembered);
    }
}
