use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;

use super::*;
use crate::process::shutdown::Shutdown;

const SECOND: Duration = Duration::from_secs(1);

/// What the queue hands out without waiting.
fn ready_now<K: Eq + Hash + Clone>(queue: &Queue<K>) -> Vec<K> {
    std::iter::from_fn(|| queue.next().now_or_never().flatten()).collect()
}

fn by_cluster() -> Queue<(&'static str, u32)> {
    Queue::with_groups(|key: &(&str, u32)| key.0.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_added_often_while_it_waits_is_handed_out_once() {
    let queue = Queue::new();
    for key in ["a", "b", "a", "a"] {
        queue.add(key);
    }
    assert_eq!(ready_now(&queue), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_work_is_not_handed_out_again_before_it_is_given_back() {
    let queue = Queue::new();
    queue.add("a");
    assert_eq!(queue.next().await, Some("a"));
    queue.add("a");
    queue.add("a");
    assert_eq!(ready_now(&queue), [""; 0]);
    queue.done(&"a");
    assert_eq!(ready_now(&queue), ["a"]);
    queue.done(&"a");
    assert_eq!(ready_now(&queue), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_key_that_falls_due_while_in_work_waits_for_its_return() {
    let queue = Queue::new();
    queue.add("a");
    assert_eq!(queue.next().await, Some("a"));
    queue.add_after("a", SECOND);
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(ready_now(&queue), [""; 0]);
    queue.done(&"a");
    assert_eq!(ready_now(&queue), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_key_comes_when_it_is_due() {
    let queue = Queue::new();
    let begun = Instant::now();
    queue.add_after("late", 10 * SECOND);
    queue.add_after("soon", 3 * SECOND);
    assert_eq!(queue.next().await, Some("soon"));
    assert_eq!(begun.elapsed(), 3 * SECOND);
    assert_eq!(queue.next().await, Some("late"));
    assert_eq!(begun.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn of_several_delays_the_earliest_counts_whatever_their_order() {
    for delays in [[5, 3, 9], [3, 5, 9], [9, 5, 3]] {
        let queue = Queue::new();
        let begun = Instant::now();
        for delay in delays {
            queue.add_after("a", delay * SECOND);
        }
        assert_eq!(queue.next().await, Some("a"));
        assert_eq!(begun.elapsed(), 3 * SECOND, "{delays:?}");
        queue.done(&"a");
        tokio::time::advance(60 * SECOND).await;
        assert_eq!(ready_now(&queue), [""; 0], "{delays:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_immediate_addition_replaces_a_delayed_one() {
    let queue = Queue::new();
    queue.add_after("a", 5 * SECOND);
    queue.add("a");
    queue.add_after("a", 2 * SECOND);
    assert_eq!(ready_now(&queue), ["a"]);
    queue.done(&"a");
    tokio::time::advance(60 * SECOND).await;
    assert_eq!(ready_now(&queue), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_worker_learns_of_an_earlier_due_time() {
    let queue = Queue::new();
    queue.add_after("late", 60 * SECOND);
    let begun = Instant::now();
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.next().await }
    });
    tokio::task::yield_now().await;
    queue.add_after("soon", SECOND);
    assert_eq!(waiting.await.unwrap(), Some("soon"));
    assert_eq!(begun.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn every_worker_that_waits_gets_a_key_from_one_burst() {
    let queue = Queue::new();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.next().await })
        })
        .collect();
    tokio::task::yield_now().await;
    (0..4).for_each(|key| queue.add(key));
    let mut got: Vec<_> = futures::future::join_all(workers)
        .await
        .into_iter()
        .map(|key| key.unwrap().unwrap())
        .collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_takes_no_key_with_it() {
    let queue = Queue::new();
    {
        let mut abandoned = Box::pin(queue.next());
        assert!(abandoned.as_mut().now_or_never().is_none());
        queue.add("a");
    }
    assert_eq!(queue.next().await, Some("a"));
}

#[tokio::test(start_paused = true)]
async fn backoff_doubles_from_half_a_second_to_five_minutes_and_starts_over_when_forgotten() {
    let queue = Queue::new();
    let mut expected = SHORTEST_BACKOFF;
    for _ in 0..40 {
        let delay = queue.retry("a");
        assert!(
            delay <= expected && delay >= expected.mul_f64(0.75),
            "{delay:?} is not about {expected:?}"
        );
        expected = (expected * 2).min(LONGEST_BACKOFF);
    }
    assert_eq!(queue.failures(&"a"), 40);
    assert!(queue.retry("b") <= SHORTEST_BACKOFF, "the backoff of one key is not that of another");
    queue.forget(&"a");
    assert_eq!(queue.failures(&"a"), 0);
    assert!(queue.retry("a") <= SHORTEST_BACKOFF);
}

#[tokio::test(start_paused = true)]
async fn groups_take_turns_however_many_keys_one_of_them_has() {
    let queue = by_cluster();
    (0..100).for_each(|n| queue.add(("noisy", n)));
    queue.add(("east", 0));
    queue.add(("east", 1));
    queue.add(("west", 0));
    let order: Vec<_> = ready_now(&queue).into_iter().map(|(cluster, _)| cluster).take(6).collect();
    assert_eq!(order, ["noisy", "east", "west", "noisy", "east", "noisy"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_at_its_limit_waits_and_the_others_do_not() {
    let queue = by_cluster().group_limit(2);
    (0..5).for_each(|n| queue.add(("slow", n)));
    queue.add(("east", 0));
    assert_eq!(ready_now(&queue), [("slow", 0), ("east", 0), ("slow", 1)]);
    queue.done(&("slow", 0));
    assert_eq!(ready_now(&queue), [("slow", 2)]);
    queue.done(&("slow", 1));
    queue.done(&("slow", 2));
    assert_eq!(ready_now(&queue), [("slow", 3), ("slow", 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_key_added_again_at_the_limit_of_its_group_is_not_lost() {
    let queue = by_cluster().group_limit(1);
    queue.add(("east", 0));
    assert_eq!(ready_now(&queue), [("east", 0)]);
    queue.add(("east", 0));
    queue.add(("east", 1));
    queue.done(&("east", 0));
    assert_eq!(ready_now(&queue), [("east", 1)]);
    queue.done(&("east", 1));
    assert_eq!(ready_now(&queue), [("east", 0)]);
}

#[tokio::test(start_paused = true)]
async fn closing_wakes_every_worker_and_takes_no_more_keys() {
    let queue = Queue::<u32>::new();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.next().await })
        })
        .collect();
    tokio::task::yield_now().await;
    queue.close();
    for worker in workers {
        assert_eq!(worker.await.unwrap(), None);
    }
    queue.add(1);
    assert_eq!(queue.next().await, None);
}

/// Draws additions, takes and returns by a fixed sequence of numbers and checks the promises after each step.
#[tokio::test(start_paused = true)]
async fn no_key_is_lost_or_worked_on_twice_in_any_order_of_steps() {
    let queue = Queue::with_groups(|key: &u64| (key % 3).to_string()).group_limit(2);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut wanted = std::collections::HashSet::new();
    let mut working: Vec<u64> = Vec::new();
    for _ in 0..20_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let key = state >> 8 & 15;
        match state % 4 {
            0 => {
                queue.add(key);
                wanted.insert(key);
            }
            1 => {
                queue.add_after(key, Duration::from_millis(state >> 20 & 63));
                wanted.insert(key);
            }
            2 => {
                tokio::time::advance(Duration::from_millis(3)).await;
                if let Some(taken) = queue.next().now_or_never().flatten() {
                    assert!(!working.contains(&taken), "{taken} is worked on twice");
                    assert!(wanted.remove(&taken), "{taken} was not asked for");
                    working.push(taken);
                    let mut groups = HashMap::<u64, usize>::new();
                    for key in &working {
                        *groups.entry(key % 3).or_default() += 1;
                    }
                    assert!(groups.values().all(|count| *count <= 2), "{groups:?}");
                }
            }
            _ => {
                if !working.is_empty() {
                    let returned =
                        working.swap_remove(usize::try_from(key).unwrap() % working.len());
                    queue.done(&returned);
                }
            }
        }
    }
    working.drain(..).for_each(|key| queue.done(&key));
    tokio::time::advance(60 * SECOND).await;
    while let Some(key) = queue.next().now_or_never().flatten() {
        wanted.remove(&key);
        queue.done(&key);
    }
    assert!(wanted.is_empty(), "lost: {wanted:?}");
}

#[tokio::test(start_paused = true)]
async fn workers_honour_what_became_of_each_piece_of_work() {
    let queue = Queue::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let begun = Instant::now();
    let shutdown = Shutdown::manual();
    let running = tokio::spawn(run(queue.clone(), 2, shutdown.clone(), {
        let log = Arc::clone(&log);
        move |key: &'static str| {
            let log = Arc::clone(&log);
            async move {
                log.lock().unwrap().push((key, begun.elapsed().as_secs()));
                match key {
                    "again" => Outcome::RequeueAfter(10 * SECOND),
                    "failing" => Outcome::Retry,
                    "panicking" => panic!("as the test wants it"),
                    _ => Outcome::Done,
                }
            }
        }
    }));
    for key in ["once", "again", "failing", "panicking"] {
        queue.add(key);
    }
    tokio::time::sleep(21 * SECOND).await;
    shutdown.trigger();
    running.await.unwrap();
    let log = log.lock().unwrap();
    let times = |wanted| {
        log.iter().filter(|(key, _)| *key == wanted).map(|(_, at)| *at).collect::<Vec<_>>()
    };
    assert_eq!(times("once"), [0]);
    assert_eq!(times("again"), [0, 10, 20]);
    // After 0.5, 1, 2, 4, 8 s of backoff at the most: within 21 s at least five times, and at most six.
    assert!((5..=6).contains(&times("failing").len()), "{:?}", times("failing"));
    assert!((5..=6).contains(&times("panicking").len()), "{:?}", times("panicking"));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_hangs_leaves_half_of_the_workers_to_the_others() {
    let queue = by_cluster();
    let shutdown = Shutdown::manual();
    let served = Arc::new(AtomicUsize::new(0));
    let running = tokio::spawn(run(queue.clone(), 4, shutdown.clone(), {
        let served = Arc::clone(&served);
        move |key: (&'static str, u32)| {
            let served = Arc::clone(&served);
            async move {
                if key.0 == "hanging" {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(SECOND).await;
                served.fetch_add(1, Ordering::Relaxed);
                Outcome::Done
            }
        }
    }));
    (0..50).for_each(|n| queue.add(("hanging", n)));
    (0..10).for_each(|n| queue.add(("east", n)));
    tokio::time::sleep(6 * SECOND).await;
    assert_eq!(served.load(Ordering::Relaxed), 10);
    shutdown.trigger();
    let begun = Instant::now();
    running.await.unwrap();
    assert_eq!(begun.elapsed(), 10 * SECOND, "work that hangs is given up");
}

#[tokio::test(start_paused = true)]
async fn work_in_progress_ends_before_the_workers_do() {
    let queue = Queue::new();
    let shutdown = Shutdown::manual();
    let ended = Arc::new(AtomicUsize::new(0));
    let running = tokio::spawn(run(queue.clone(), 1, shutdown.clone(), {
        let ended = Arc::clone(&ended);
        move |_: u32| {
            let ended = Arc::clone(&ended);
            async move {
                tokio::time::sleep(3 * SECOND).await;
                ended.fetch_add(1, Ordering::Relaxed);
                Outcome::Done
            }
        }
    }));
    queue.add(1);
    queue.add(2);
    tokio::time::sleep(SECOND).await;
    shutdown.trigger();
    running.await.unwrap();
    assert_eq!(ended.load(Ordering::Relaxed), 1, "the first ends, the second does not begin");
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_work_was_given_up_is_handed_out_in_the_next_term() {
    let queue = Queue::new();
    let shutdown = Shutdown::manual();
    let running = tokio::spawn(run(queue.clone(), 1, shutdown.clone(), |_: u32| {
        std::future::pending::<Outcome>()
    }));
    queue.add(1);
    tokio::time::sleep(SECOND).await;
    shutdown.trigger();
    running.await.unwrap();
    queue.add(1);
    assert_eq!(ready_now(&queue), [1]);
}
