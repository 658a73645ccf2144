//! Showing that a long step goes on, to people and to logs.

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a log hears of a step that still runs.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Does `work` while a spinner (on a terminal) or a line every 30 seconds (elsewhere) shows that
/// `label` goes on and for how long. Says nothing at the end: the caller knows how it went.
pub(crate) fn during<T>(label: &str, work: impl FnOnce() -> T) -> T {
    if std::io::stderr().is_terminal() {
        return with_spinner(label, work);
    }
    eprintln!("{label}");
    with_heartbeat(label, work)
}

/// A duration as people read it: `0.4 s`, `34 s`, `7 min 10 s`.
pub(crate) fn readable(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn with_spinner<T>(label: &str, work: impl FnOnce() -> T) -> T {
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
    let spinner = ProgressBar::new_spinner().with_message(label.to_owned());
    if let Ok(style) = style {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(120));
    let outcome = work();
    spinner.finish_and_clear();
    outcome
}

fn with_heartbeat<T>(label: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let (finished, finish) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while finish.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{label} … {}", readable(started.elapsed()));
            }
        });
        let outcome = work();
        drop(finished);
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let cases =
            [(400, "0.4 s"), (34_900, "34 s"), (60_000, "1 min 00 s"), (430_000, "7 min 10 s")];
        for (milliseconds, text) in cases {
            assert_eq!(readable(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn the_outcome_of_the_work_comes_back() {
        assert_eq!(with_heartbeat("counting", || 3), 3);
    }
}
