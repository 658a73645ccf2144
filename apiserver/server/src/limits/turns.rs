//! Turns: how many writes of one user are worked on at a time. The others of the same user wait, so that whoever writes
//! as fast as it may takes the processors from nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Writes of one user that are worked on at a time.
const AT_A_TIME: usize = 1;
/// So many users are remembered before those who are gone are forgotten.
const MANY: usize = 256;

/// Marks a request of this process, which waits for no turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoConnection;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    by_user: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
}

impl Turns {
    /// Waits for a turn of this user, in the order of asking; it ends when the permit is dropped. `None` never comes:
    /// nobody closes the places.
    pub(crate) async fn wait(&self, user: &str) -> Option<OwnedSemaphorePermit> {
        self.places(user).acquire_owned().await.ok()
    }

    fn places(&self, user: &str) -> Arc<Semaphore> {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_user.get(user).and_then(Weak::upgrade) {
            return known;
        }
        if by_user.len() >= MANY {
            by_user.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        by_user.insert(user.into(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_user_waits_behind_himself_and_holds_up_nobody_else() {
        let turns = Turns::default();
        let mut held: Vec<_> = Vec::new();
        for _ in 0..AT_A_TIME {
            held.push(turns.wait("a").now_or_never().unwrap());
        }
        let mut waiting = Box::pin(turns.wait("a"));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(turns.wait("b").now_or_never().is_some());
        drop(held.pop());
        assert!(waiting.now_or_never().is_some());
    }

    #[tokio::test]
    async fn users_who_are_gone_are_forgotten() {
        let turns = Turns::default();
        let stays = turns.wait("stays").await;
        for number in 0..4 * MANY {
            drop(turns.wait(&number.to_string()).await);
        }
        assert!(turns.by_user.lock().unwrap().len() <= MANY + 1);
        assert!(turns.by_user.lock().unwrap().contains_key("stays"));
        drop(stays);
    }
}
