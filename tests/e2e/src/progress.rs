//! Steps and times, a line each, and one line of verdict.

use std::time::Instant;

use meshroot_testkit::fleet::HubApi;

/// Prints what was done and how long it took.
pub(crate) struct Progress {
    started: Instant,
    step: Instant,
    steps: u32,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self { started: now, step: now, steps: 0 }
    }

    /// The step that just ended, with its time.
    pub(crate) fn done(&mut self, what: &str) {
        let took = self.step.elapsed();
        self.steps += 1;
        println!("  {:>7.1} s  {what}", took.as_secs_f64());
        self.step = Instant::now();
    }

    pub(crate) fn title(&mut self, what: &str) {
        println!("{what}");
        self.step = Instant::now();
    }

    pub(crate) fn verdict(&self, run: &str, hub: HubApi, outcome: &anyhow::Result<()>) {
        let total = self.started.elapsed().as_secs_f64();
        let run = match hub {
            HubApi::KubeApiserver => run.to_owned(),
            HubApi::Embedded => format!("{run} with an embedded hub"),
        };
        let steps =
            if self.steps > 0 { format!("{} steps in ", self.steps) } else { String::new() };
        match outcome {
            Ok(()) => println!("{run}: PASSED, {steps}{total:.1} s"),
            Err(error) => println!("{run}: FAILED after {steps}{total:.1} s: {error:?}"),
        }
    }
}
