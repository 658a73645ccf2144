//! How long a server takes until it is ready: with nothing stored, with much, and after SIGKILL amid writes.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::wait;

use super::load::Writers;
use super::object::{self, Template, collection};
use super::subject::Subject;
use crate::comparison::{Better, Comparison, median};
use crate::connection::{Call, once};
use crate::options::Options;
use crate::table::Aim;

/// With nothing stored. One at a time runs: a kube-apiserver is busy for seconds after it is ready.
pub(super) async fn empty(table: &mut Comparison, options: &Options) -> Result<()> {
    let mut all = [Vec::new(), Vec::new()];
    for _ in 0..options.rounds {
        all[1].push(milliseconds(&Subject::embedded().await?));
        all[0].push(milliseconds(&Subject::real().await?));
    }
    table.row("start: empty", all.map(median), "ms", Better::Lower, Aim::AtMost(200.0));
    Ok(())
}

/// With the collection that lists were made of.
pub(super) async fn again(
    table: &mut Comparison,
    options: &Options,
    both: &mut [Subject; 2],
) -> Result<()> {
    let mut all = [Vec::new(), Vec::new()];
    for (subject, all) in both.iter_mut().zip(&mut all) {
        for _ in 0..options.rounds {
            subject.restart().await?;
            all.push(milliseconds(subject));
        }
    }
    let what =
        format!("start: {} objects", options.objects + options.rounds * super::watchers::EVENTS);
    table.row(&what, all.map(median), "ms", Better::Lower, Aim::None);
    Ok(())
}

/// After SIGKILL while eight write; nothing that was acknowledged may be missing.
pub(super) async fn after_kill(
    table: &mut Comparison,
    options: &Options,
    both: &mut [Subject; 2],
) -> Result<()> {
    let (mut all, mut lost) = ([Vec::new(), Vec::new()], [0.0; 2]);
    for number in 0..options.rounds {
        for ((subject, all), lost) in both.iter_mut().zip(&mut all).zip(&mut lost) {
            let namespace = format!("killed-{number}");
            *lost += killed(subject, &namespace).await?;
            all.push(milliseconds(subject));
        }
    }
    table.row(
        "start: after SIGKILL amid writes",
        all.map(median),
        "ms",
        Better::Lower,
        Aim::AtMost(1000.0),
    );
    table.row("acknowledged writes lost then", lost, "", Better::Lower, Aim::AtMost(0.0));
    Ok(())
}

/// Kills and restarts it; how many acknowledged objects are missing.
async fn killed(subject: &mut Subject, namespace: &str) -> Result<f64> {
    object::namespace(subject.endpoint(), namespace).await?;
    let (template, into) = (Template::new()?, namespace.to_owned());
    let call = move |worker: usize, before: usize| template.create(&into, &written(worker, before));
    let writers = Writers::start(subject.endpoint(), 8, call).await?;
    tokio::time::sleep(Duration::from_millis(800)).await;
    subject.kill();
    let acknowledged = writers.end_with_server().await;
    subject.restart().await?;
    // A kube-apiserver that says it is ready still refuses lists for a while.
    let list = async || once(subject.endpoint(), Call::get(collection(namespace))).await;
    let list = wait::until("what was written is listed", wait::LIMIT, list).await?;
    let items = list["items"].as_array().context("the list has no items")?;
    let stored: HashSet<&str> =
        items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
    ensure!(
        acknowledged.iter().sum::<u64>() > 0,
        "nothing was written before the server was killed"
    );
    // By name: what was stored and not acknowledged makes up for nothing.
    let names = acknowledged
        .iter()
        .enumerate()
        .flat_map(|(worker, count)| (0..*count).map(move |k| written(worker, k)));
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let lost = names.filter(|name| !stored.contains(name.as_str())).count() as f64;
    Ok(lost)
}

fn written(worker: usize, before: impl std::fmt::Display) -> String {
    format!("w{worker}-{before}")
}

fn milliseconds(subject: &Subject) -> f64 {
    subject.took().as_secs_f64() * 1000.0
}
