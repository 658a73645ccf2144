//! The embedded API server beside etcd and kube-apiserver: the same client, the same objects, both durable in the same
//! file system.

mod disk;
mod lists;
mod load;
mod object;
mod starts;
mod subject;
mod watchers;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::comparison::{Better, Comparison, median};
use crate::connection::Call;
use crate::options::Options;
use crate::table::Aim;
use load::Round;
use object::{NAMESPACE, Template, collection};
use subject::Subject;
use watchers::Watchers;

/// Writers at a time.
const CONCURRENCIES: [usize; 4] = [1, 8, 32, 64];
/// Objects that each writer of statuses takes in turn.
const OBJECTS_A_WRITER: usize = 16;

pub(crate) async fn run(options: &Options) -> Result<()> {
    println!(
        "\nThe API servers beside each other: etcd + kube-apiserver, embedded; times better; aim"
    );
    println!("  fsync of 4 KiB takes {:.2} ms here", disk::fsync_milliseconds()?);
    let mut table = Comparison::default();
    starts::empty(&mut table, options).await?;
    let mut both = fresh().await?;
    collections(&mut table, options, &both).await?;
    starts::again(&mut table, options, &mut both).await?;
    drop(both);
    let mut both = fresh().await?;
    creates(&mut table, options, &both).await?;
    statuses(&mut table, options, &both).await?;
    starts::after_kill(&mut table, options, &mut both).await?;
    println!("\nload {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    table.print();
    Ok(())
}

/// Both servers, with nothing stored but the kind.
async fn fresh() -> Result<[Subject; 2]> {
    let both = [Subject::real().await?, Subject::embedded().await?];
    for subject in &both {
        object::define(subject.endpoint()).await?;
    }
    Ok(both)
}

/// Memory as a collection grows and is watched, then its lists.
async fn collections(table: &mut Comparison, options: &Options, both: &[Subject; 2]) -> Result<()> {
    let template = Template::new()?;
    resident(table, "memory: no objects", both, Aim::None).await?;
    for (from, to, aim) in [(0, 1000, Aim::AtMost(40.0)), (1000, options.objects, Aim::None)] {
        for subject in both {
            load::fill(subject.endpoint(), &template, NAMESPACE, (from, to)).await?;
        }
        resident(table, &format!("memory: {to} objects"), both, aim).await?;
    }
    watched(table, options, both, &template).await?;
    let existing = options.objects + options.rounds * watchers::EVENTS;
    let whole = async |subject: &Subject| lists::whole(subject.endpoint(), existing).await;
    listed(table, &format!("list of {existing} objects"), options, both, whole).await?;
    let paged = async |subject: &Subject| lists::paged(subject.endpoint(), existing, 500).await;
    listed(table, &format!("list of {existing} objects by 500"), options, both, paged).await
}

async fn watched(
    table: &mut Comparison,
    options: &Options,
    both: &[Subject; 2],
    template: &Template,
) -> Result<()> {
    let count = options.watchers;
    let mut figures = [[f64::NAN; 3]; 2];
    for (subject, figures) in both.iter().zip(&mut figures) {
        let watchers = Watchers::open(subject.endpoint(), count).await?;
        calm(both).await?;
        figures[0] = subject.resident()?;
        let mut told = Vec::new();
        for round in 0..options.rounds {
            let first = options.objects + round * watchers::EVENTS;
            calm(both).await?;
            told.push(watchers.tell(subject, template, first).await?);
        }
        figures[1] = median(told.iter().map(|told| told.milliseconds).collect());
        figures[2] = median(told.iter().map(|told| told.cpu).collect());
    }
    let figure = |number: usize| figures.map(|figures| figures[number]);
    let what = format!("{count} watchers: memory, {} objects", options.objects);
    table.row(&what, figure(0), "MiB", Better::Lower, Aim::None);
    let what = format!("{count} watchers: until all have {} events", watchers::EVENTS);
    table.row(&what, figure(1), "ms", Better::Lower, Aim::None);
    table.row(
        &format!("{count} watchers: the server's CPU for them"),
        figure(2),
        "ms",
        Better::Lower,
        Aim::None,
    );
    Ok(())
}

async fn listed<F>(
    table: &mut Comparison,
    what: &str,
    options: &Options,
    both: &[Subject; 2],
    list: F,
) -> Result<()>
where
    F: AsyncFn(&Subject) -> Result<lists::Listed>,
{
    let mut all = [Vec::new(), Vec::new()];
    for round in 0..=options.rounds {
        for (subject, all) in both.iter().zip(&mut all) {
            calm(both).await?;
            let listed = list(subject).await?;
            // The first one warms up.
            if round > 0 {
                all.push(listed);
            }
        }
    }
    let milliseconds =
        all.each_ref().map(|all| median(all.iter().map(|listed| listed.milliseconds).collect()));
    let megabytes =
        all.each_ref().map(|all| median(all.iter().map(|listed| listed.megabytes).collect()));
    table.row(what, milliseconds, "ms", Better::Lower, Aim::None);
    let speed = [0, 1].map(|side| megabytes[side] * 1000.0 / milliseconds[side]);
    table.row(&format!("{what}: speed"), speed, "MB/s", Better::Higher, Aim::None);
    println!("    {:.1} MB, {:.1} MB", megabytes[0], megabytes[1]);
    Ok(())
}

async fn creates(table: &mut Comparison, options: &Options, both: &[Subject; 2]) -> Result<()> {
    let template = Template::new()?;
    let mut all = Vec::new();
    for workers in CONCURRENCIES {
        let mut rounds = [Vec::new(), Vec::new()];
        for number in 0..options.rounds {
            for (subject, rounds) in both.iter().zip(&mut rounds) {
                let namespace = format!("creates-{workers}-{number}");
                object::namespace(subject.endpoint(), &namespace).await?;
                let (into, template) = (namespace.clone(), template.clone());
                let call = move |worker: usize, before: usize| {
                    template.create(&into, &format!("w{worker}-{before}"))
                };
                calm(both).await?;
                rounds.push(load::round(subject, workers, options.round, call).await?);
                // The next round finds what this one found.
                subject
                    .endpoint()
                    .connect()
                    .await?
                    .discard(Call::delete(collection(&namespace)))
                    .await?;
            }
        }
        all.push(writes(table, &format!("creates, {workers} at a time"), &rounds));
    }
    best(table, "creates: the best", &all);
    Ok(())
}

async fn statuses(table: &mut Comparison, options: &Options, both: &[Subject; 2]) -> Result<()> {
    let namespace = "statuses";
    let most = CONCURRENCIES[CONCURRENCIES.len() - 1] * OBJECTS_A_WRITER;
    for subject in both {
        object::namespace(subject.endpoint(), namespace).await?;
        load::fill(subject.endpoint(), &Template::new()?, namespace, (0, most)).await?;
    }
    let mut all = Vec::new();
    for (place, workers) in CONCURRENCIES.into_iter().enumerate() {
        let mut rounds = [Vec::new(), Vec::new()];
        for number in 0..options.rounds {
            for (subject, rounds) in both.iter().zip(&mut rounds) {
                // No status is the one that is there already.
                let first = (place * options.rounds + number + 1) * 1_000_000;
                let call = move |worker: usize, before: usize| {
                    let name =
                        load::object_name(worker * OBJECTS_A_WRITER + before % OBJECTS_A_WRITER);
                    object::status_patch(namespace, &name, first + before)
                };
                calm(both).await?;
                rounds.push(load::round(subject, workers, options.round, call).await?);
            }
        }
        all.push(writes(table, &format!("status patches, {workers} at a time"), &rounds));
    }
    best(table, "status patches: the best", &all);
    Ok(())
}

/// Rows of one concurrency; its rates.
fn writes(table: &mut Comparison, what: &str, rounds: &[Vec<Round>; 2]) -> [f64; 2] {
    let of = |figure: fn(&Round) -> f64| {
        rounds.each_ref().map(|all| median(all.iter().map(figure).collect()))
    };
    let rates = of(|round| round.per_second);
    table.row(what, rates, "/s", Better::Higher, Aim::None);
    table.row(
        &format!("{what}: server's CPU each"),
        of(|round| round.cpu_each),
        "ms",
        Better::Lower,
        Aim::None,
    );
    let client = of(|round| round.client_cpu_each);
    println!("    the client's CPU each: {:.3} ms, {:.3} ms", client[0], client[1]);
    rates
}

fn best(table: &mut Comparison, what: &str, all: &[[f64; 2]]) {
    let best = [0, 1].map(|side| all.iter().map(|rates| rates[side]).fold(f64::NAN, f64::max));
    table.multiple(what, best, "/s", 3.0);
}

async fn resident(table: &mut Comparison, what: &str, both: &[Subject; 2], aim: Aim) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(2)).await;
    calm(both).await?;
    table.row(what, [both[0].resident()?, both[1].resident()?], "MiB", Better::Lower, aim);
    Ok(())
}

/// Waits until neither server works any more: a kube-apiserver goes on for seconds after it is ready and after a large
/// deletion, and would slow down both.
async fn calm(both: &[Subject; 2]) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(500);
    /// Processors that both together may use; an idle kube-apiserver with its etcd uses a few hundredths.
    const IDLE: f64 = 0.12;
    let used = || Ok::<_, anyhow::Error>(both[0].cpu()? + both[1].cpu()?);
    let started = Instant::now();
    while started.elapsed() < Duration::from_mins(1) {
        let before = used()?;
        tokio::time::sleep(LOOK).await;
        if used()? - before <= IDLE * LOOK.as_secs_f64() {
            return Ok(());
        }
    }
    println!("    a server still works after a minute with nothing to do");
    Ok(())
}
