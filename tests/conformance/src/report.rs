//! What a run says: on the terminal, and as a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::Case;
use super::compare::{self, Contrast};
use super::run::Outcome;
use super::transcript::Transcript;

/// A case on both servers.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    judge: &'a Outcome,
    other: &'a Outcome,
    undeclared: Vec<Contrast>,
    stale: Vec<String>,
}

/// Compares outcomes of the same cases in the same order.
pub(crate) fn pairs<'a>(judge: &'a [Outcome], other: &'a [Outcome]) -> Vec<Pair<'a>> {
    let pair = |(judge, other): (&'a Outcome, &'a Outcome)| {
        let (undeclared, stale) = match (&judge.transcript, &other.transcript) {
            (Ok(left), Ok(right)) => compare::undeclared(
                &compare::contrasts(left, right),
                judge.case.difference.as_ref(),
            ),
            _ => (Vec::new(), Vec::new()),
        };
        Pair { judge, other, undeclared, stale }
    };
    judge.iter().zip(other).map(pair).collect()
}

impl Pair<'_> {
    /// Whether both ran to the end and answered alike, declared differences aside.
    pub(crate) fn alike(&self) -> bool {
        let ran = self.judge.transcript.is_ok() && self.other.transcript.is_ok();
        ran && self.undeclared.is_empty() && self.stale.is_empty()
    }

    /// `group: name`.
    pub(crate) fn title(&self) -> String {
        title(self.judge)
    }

    /// Why the case is not alike: the first step that differs, at most eight places of it.
    pub(crate) fn reasons(&self) -> String {
        let mut text = String::new();
        for (side, outcome) in [("the judge", self.judge), ("the other", self.other)] {
            if let Err(error) = &outcome.transcript {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{side} did not get to the end: {error:#}");
            }
        }
        let first = self.undeclared.first().map(|contrast| contrast.step);
        let shown = self.undeclared.iter().filter(|contrast| Some(contrast.step) == first).take(8);
        for contrast in shown {
            let _ = writeln!(text, "{contrast}");
        }
        for line in &self.stale {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

/// Cases whose transcripts were not the same in each run, and each error; empty when stable.
pub(crate) fn unstable(runs: &[Vec<Outcome>]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some((first, rest)) = runs.split_first() else {
        return found;
    };
    for outcome in runs.iter().flatten() {
        if let Err(error) = &outcome.transcript {
            found.insert(title(outcome), format!("{error:#}"));
        }
    }
    for pair in rest.iter().flat_map(|run| pairs(first, run)) {
        let contrasts = match (&pair.judge.transcript, &pair.other.transcript) {
            (Ok(left), Ok(right)) => compare::contrasts(left, right),
            _ => Vec::new(),
        };
        if let Some(contrast) = contrasts.first() {
            found.entry(pair.title()).or_insert_with(|| contrast.to_string());
        }
    }
    found
}

/// `group: name`.
pub(crate) fn title(outcome: &Outcome) -> String {
    format!("{}: {}", outcome.group, outcome.case.name)
}

/// The page `docs/conformance.md`.
pub(crate) fn page(pairs: &[Pair<'_>]) -> String {
    let mut groups: Vec<(&str, usize)> = Vec::new();
    for pair in pairs {
        match groups.last_mut() {
            Some((group, count)) if *group == pair.judge.group => *count += 1,
            _ => groups.push((pair.judge.group, 1)),
        }
    }
    let alike =
        pairs.iter().filter(|pair| pair.alike() && pair.judge.case.difference.is_none()).count();
    let meant =
        pairs.iter().filter(|pair| pair.alike() && pair.judge.case.difference.is_some()).count();
    let faults = match pairs.len() - alike - meant {
        0 => String::new(),
        count => format!(", and {count} differ without a reason"),
    };
    let mut text = format!(
        "<!-- Written by `cargo xtask conformance`; do not edit. -->\n# Conformance\n\n\
         The embedded API server is to answer as kube-apiserver does. Each case below was run against both, and what \
         came was compared:\nstatus, reason, objects, events and what `kubectl` prints, after times, uids, resource \
         versions and generated names\nwere replaced by placeholders. {} cases; {alike} are answered alike, {meant} \
         differ on purpose{faults}.\n\n",
        pairs.len(),
    );
    text.push_str("| group | cases |\n| --- | --- |\n");
    for (group, count) in &groups {
        let _ = writeln!(text, "| [{group}](#{}) | {count} |", group.replace(' ', "-"));
    }
    for (group, _) in &groups {
        let _ = write!(
            text,
            "\n## {group}\n\n| case | kube-apiserver | embedded | note |\n| --- | --- | --- | --- |\n"
        );
        for pair in pairs.iter().filter(|pair| pair.judge.group == *group) {
            let _ = writeln!(text, "{}", row(pair));
        }
    }
    text
}

fn row(pair: &Pair<'_>) -> String {
    let answers = |outcome: &Outcome| {
        outcome.transcript.as_ref().map_or("failed".to_owned(), Transcript::summary)
    };
    let (judge, other) = (answers(pair.judge), answers(pair.other));
    let other = match pair {
        pair if !pair.alike() => "**differs**".to_owned(),
        _ if judge == other && pair.judge.case.difference.is_none() => "the same".to_owned(),
        _ => other,
    };
    let note = |case: &Case| case.difference.map_or("", |difference| difference.why);
    let cells = [pair.judge.case.name, &judge, &other, note(&pair.judge.case)];
    format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}
