//! Turns: how many writes of one user are worked on at a time. The others of the same user wait, so that whoever writes
//! as fast as it may takes the processors from nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Writes of one user that are worked on at a time.
const AT_A_TIME: usize = 1;
/// So many users are remembered before those who are gone are forgotten.
const MANY: usize = 256;
/// A user who wrote so lately is there.
const LATELY: Duration = Duration::from_secs(1);
/// Nobody rests longer.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// Marks a request of this process, which waits for no turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoConnection;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    by_user: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
    latest: Arc<Mutex<Latest>>,
}

/// Who wrote last, and who last before that was somebody else.
#[derive(Debug, Default)]
struct Latest([Option<(Arc<str>, Instant)>; 2]);

impl Latest {
    /// `user` has written; answers whether somebody else did so lately.
    fn wrote(&mut self, user: &Arc<str>, now: Instant) -> bool {
        let [last, other] = &mut self.0;
        if last.as_ref().is_some_and(|(known, _)| known != user) {
            *other = last.take();
        }
        *last = Some((Arc::clone(user), now));
        other.as_ref().is_some_and(|(_, at)| now.duration_since(*at) < LATELY)
    }
}

/// One write. Its user rests afterwards for as long as it took while others write too: commits are made one after the
/// other, and who wrote without a pause would have each of them wait behind one of his.
#[derive(Debug)]
pub(crate) struct Turn {
    user: Arc<str>,
    began: Instant,
    latest: Arc<Mutex<Latest>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if !latest.wrote(&self.user, now) {
            return;
        }
        let (permit, rest) = (self.permit.take(), now.duration_since(self.began).min(LONGEST_REST));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(rest).await;
                drop(permit);
            });
        }
    }
}

impl Turns {
    /// Waits for a turn of this user, in the order of asking; it ends when it is dropped.
    pub(crate) async fn wait(&self, user: &str) -> Turn {
        let user: Arc<str> = user.into();
        // Nobody closes the places.
        let permit = self.places(&user).acquire_owned().await.ok();
        Turn { user, began: Instant::now(), latest: Arc::clone(&self.latest), permit }
    }

    fn places(&self, user: &Arc<str>) -> Arc<Semaphore> {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_user.get(user).and_then(Weak::upgrade) {
            return known;
        }
        if by_user.len() >= MANY {
            by_user.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        by_user.insert(Arc::clone(user), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
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
        waiting.await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_writes_without_a_pause_rests_as_long_as_he_worked_while_others_write() {
        let turns = Turns::default();
        let write = async |user: &str| {
            let asked = Instant::now();
            let turn = turns.wait(user).await;
            let waited = asked.elapsed().as_millis();
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(turn);
            waited
        };
        assert_eq!((write("a").await, write("a").await), (0, 0), "nobody else is there");
        assert_eq!((write("b").await, write("a").await), (0, 0));
        assert_eq!(write("a").await, 5);
        tokio::time::sleep(LATELY).await;
        assert_eq!((write("a").await, write("a").await), (0, 0), "the other one is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn users_who_are_gone_are_forgotten() {
        let turns = Turns::default();
        let _stays = turns.wait("stays").await;
        for number in 0..4 * MANY {
            drop(turns.wait(&number.to_string()).await);
        }
        tokio::time::sleep(2 * LONGEST_REST).await;
        drop(turns.wait("one more").await);
        let known = turns.by_user.lock().unwrap();
        assert!(known.len() == 2 && known.contains_key("stays"), "{}", known.len());
    }
}
