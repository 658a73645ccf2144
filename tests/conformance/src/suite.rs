//! Running, comparing, telling.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use meshroot_testkit::tools;
use tokio::time::Instant;

use crate::options::{Options, Server};
use crate::run::{Outcome, Selection};
use crate::target::Target;
use crate::{report, run};

/// Where the page is.
const PAGE: &str = "docs/conformance.md";

pub(crate) async fn execute(options: &Options) -> Result<()> {
    if options.list {
        for (group, name) in run::titles() {
            println!("{group}: {name}");
        }
        return Ok(());
    }
    match (options.only, options.repeat) {
        (Some(server), repeat) => one(options, server, repeat).await,
        (None, 1) => both(options).await,
        (None, _) => bail!("--repeat needs --only: a server is compared with itself"),
    }
}

async fn one(options: &Options, server: Server, repeat: usize) -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..repeat {
        // A new server each time: kinds of the same name from an earlier run would confuse kubectl.
        let target = Arc::new(target(options, server).await?);
        runs.push(outcomes(options, &target).await?);
    }
    let unstable = report::unstable(&runs);
    for (title, reason) in &unstable {
        println!("FAILED {title}\n{reason}\n");
    }
    if !unstable.is_empty() {
        bail!("{} cases failed or did not answer the same each time", unstable.len());
    }
    Ok(())
}

async fn both(options: &Options) -> Result<()> {
    let real = Arc::new(target(options, Server::Real).await?);
    let other = Arc::new(target(options, Server::Embedded).await?);
    let judged = outcomes(options, &real).await?;
    let answered = outcomes(options, &other).await?;
    let pairs = report::pairs(&judged, &answered);
    for pair in &pairs {
        if pair.alike() {
            println!("ok      {}", pair.title());
        } else {
            println!("differs {}\n{}", pair.title(), pair.reasons());
        }
    }
    let differing = pairs.iter().filter(|pair| !pair.alike()).count();
    println!("{} cases, {differing} differ", pairs.len());
    if options.case.is_empty() {
        write_page(options, &report::page(&pairs))?;
    }
    if differing > 0 {
        bail!("{differing} of {} cases differ from kube-apiserver", pairs.len());
    }
    Ok(())
}

fn write_page(options: &Options, text: &str) -> Result<()> {
    let path = tools::workspace().join(PAGE);
    if !options.check {
        return std::fs::write(&path, text).with_context(|| format!("cannot write {PAGE}"));
    }
    if std::fs::read_to_string(&path).unwrap_or_default() != text {
        bail!("{PAGE} is not up to date; run `cargo xtask conformance`");
    }
    Ok(())
}

async fn target(options: &Options, server: Server) -> Result<Target> {
    match (server, &options.kubeconfig) {
        (_, Some(file)) if options.only.is_some() || server == Server::Embedded => {
            Target::running("embedded", options.url.as_deref(), file)
        }
        (Server::Real, _) => Target::real().await,
        (Server::Embedded, _) => Target::embedded().await,
    }
}

async fn outcomes(options: &Options, target: &Arc<Target>) -> Result<Vec<Outcome>> {
    let selection = Selection { text: options.case.clone() };
    let started = Instant::now();
    let name = run::fresh_run();
    let outcomes = run::run(Arc::clone(target), &selection, &name).await?;
    tell(options, target, &outcomes, started.elapsed());
    if options.kubeconfig.is_some() {
        run::clean(Arc::clone(target), &name).await?;
    }
    if outcomes.is_empty() {
        bail!("no case contains {:?}", options.case);
    }
    Ok(outcomes)
}

fn tell(options: &Options, target: &Target, outcomes: &[Outcome], time: Duration) {
    let failed = outcomes.iter().filter(|outcome| outcome.transcript.is_err()).count();
    println!(
        "{}: {} cases in {:.1} s, {failed} not run to the end",
        target.name,
        outcomes.len(),
        time.as_secs_f64()
    );
    for outcome in outcomes {
        if options.times {
            println!("{:>7.2} s  {}", outcome.time.as_secs_f64(), report::title(outcome));
        }
        if options.show {
            show(outcome);
        }
    }
}

fn show(outcome: &Outcome) {
    println!("\n=== {}", report::title(outcome));
    match &outcome.transcript {
        Err(error) => println!("failed: {error:#}"),
        Ok(transcript) => {
            for step in &transcript.steps {
                println!("> {}\n{:#}", step.asked, step.came);
            }
            println!("= {}", transcript.summary());
        }
    }
}
