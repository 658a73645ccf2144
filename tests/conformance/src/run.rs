//! Running cases against one server.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt as _;
use kube::Client;

use super::call::{delete, get, post};
use super::case::{Case, Run};
use super::cases;
use super::session::Session;
use super::target::Target;
use super::transcript::Transcript;

/// Cases that run at the same time.
const AT_ONCE: usize = 8;

/// How long one case may take.
const LIMIT: Duration = Duration::from_mins(1);

/// Which cases are run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// Only those whose group and name, as `group: name`, contain this.
    pub(crate) text: String,
}

/// What a case showed on one server.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The group the case is in.
    pub(crate) group: &'static str,
    /// The case.
    pub(crate) case: Case,
    /// What was asked and what came, or why the case could not be run to its end.
    pub(crate) transcript: Result<Transcript>,
    /// From its first request to its last.
    pub(crate) time: Duration,
}

/// A word that makes the names of a run its own, on a server that has seen other runs.
pub(crate) fn fresh_run() -> String {
    word(RandomState::new().build_hasher().finish(), 5)
}

/// Runs the selected cases, several at a time; the outcomes are in the order of the table.
pub(crate) async fn run(
    target: Arc<Target>,
    selection: &Selection,
    run: &str,
) -> Result<Vec<Outcome>> {
    let bare = target.bare_client().await?;
    prepare(&target, &bare, run).await.with_context(|| format!("preparing {}", target.name))?;
    let selected: Vec<_> =
        cases::all().filter(|(group, case)| selection.has(group, case)).collect();
    let outcomes = selected.iter().map(|(group, case)| run_case(&target, &bare, run, group, case));
    Ok(futures::stream::iter(outcomes).buffered(AT_ONCE).collect().await)
}

/// The group and name of each case.
pub(crate) fn titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    cases::all().map(|(group, case)| (group, case.name))
}

impl Selection {
    fn has(&self, group: &str, case: &Case) -> bool {
        format!("{group}: {}", case.name).contains(&self.text)
    }
}

/// Removes what a run left on a server that goes on running: namespaces and CRDs.
pub(crate) async fn clean(target: Arc<Target>, run: &str) -> Result<()> {
    let bare = target.bare_client().await?;
    let mut session = Session::new(target, bare, run, "clean")?;
    for path in ["$crds", "$namespaces"] {
        let list = session.call(get(path).quiet()).await?;
        let items = list.body["items"].as_array().cloned().unwrap_or_default();
        for name in items
            .iter()
            .filter_map(|item| item["metadata"]["name"].as_str())
            .filter(|name| name.contains(run))
        {
            session.call(delete(format!("{path}/{name}")).quiet()).await?;
        }
    }
    Ok(())
}

async fn prepare(target: &Arc<Target>, bare: &Client, run: &str) -> Result<()> {
    let mut session = Session::new(Arc::clone(target), bare.clone(), run, "prepare")?;
    session.call(post("$crds", cases::WIDGET_CRD).quiet()).await?;
    let ready = get("/apis/$shared/v1/widgets").until(200).quiet();
    session.call(ready).await?;
    session.call(get("/openapi/v3/apis/$shared/v1").until(200).quiet()).await.map(drop)
}

async fn run_case(
    target: &Arc<Target>,
    bare: &Client,
    run: &str,
    group: &'static str,
    case: &Case,
) -> Outcome {
    let started = tokio::time::Instant::now();
    let attempt = tokio::time::timeout(LIMIT, transcript(target, bare, run, group, case)).await;
    let transcript =
        attempt.unwrap_or_else(|_| Err(anyhow::anyhow!("not at its end within {LIMIT:?}")));
    Outcome { group, case: *case, transcript, time: started.elapsed() }
}

async fn transcript(
    target: &Arc<Target>,
    bare: &Client,
    run: &str,
    group: &str,
    case: &Case,
) -> Result<Transcript> {
    let mut session = Session::new(Arc::clone(target), bare.clone(), run, &id(run, group, case))?;
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: $ns}}";
    session.call(post("$namespaces", namespace).quiet()).await?;
    match case.run {
        Run::Calls(calls) => session.calls(calls()).await?,
        Run::Steps(steps) => steps(&mut session).await?,
    }
    let transcript = session.into_transcript();
    anyhow::ensure!(!transcript.steps.is_empty(), "the case records nothing, so it shows nothing");
    Ok(transcript)
}

fn id(run: &str, group: &str, case: &Case) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    (group, case.name).hash(&mut hasher);
    format!("{run}{}", word(hasher.finish(), 7))
}

/// Letters only, so that a name that ends in them is valid everywhere.
fn word(mut number: u64, length: usize) -> String {
    let letter = |_| {
        let letter =
            (b'a'..=b'z').nth(usize::try_from(number % 26).unwrap_or_default()).unwrap_or(b'a');
        number /= 26;
        char::from(letter)
    };
    (0..length).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_has_a_name_of_its_own() {
        let titles: BTreeSet<_> = titles().collect();
        assert_eq!(titles.len(), cases::all().count());
    }

    #[test]
    fn names_made_for_a_case_are_valid_labels() {
        let run = fresh_run();
        for (group, case) in cases::all() {
            let id = id(&run, group, case);
            assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_lowercase()), "{id}");
        }
    }
}
