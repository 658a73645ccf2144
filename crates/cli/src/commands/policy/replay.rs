//! `policy replay`.

use std::collections::BTreeMap;

use meshroot_api::policy::RuleOutcome;
use meshroot_api::record::{Decision, Verdict};
use meshroot_api::{Facts, IssuanceRecord, TrustPolicy};
use meshroot_core::membership::Key;
use meshroot_core::rules::{Case, Judgement, Last};
use meshroot_runtime::process::clock;
use meshroot_view::Table;
use serde_json::{Value, json};

use super::test::because;
use super::{Replay, cases, documents};
use crate::commands::audit::ledgers::Ledgers;
use crate::failure::Failure;
use crate::global::Global;
use crate::plain::plain;
use crate::session::Session;
use crate::terminal::Terminal;

/// A decision that would be another one.
struct Differs<'a> {
    record: &'a IssuanceRecord,
    before: RuleOutcome,
    now: RuleOutcome,
    judged: Judgement,
    is_brought: bool,
}

pub(super) async fn run(
    global: &Global,
    asked: &Replay,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let policy = documents::policy(&documents::of(&asked.file)?)?;
    let rules = documents::rules(&policy)?;
    let ledgers = match &asked.ledger {
        Some(file) => Ledgers::from_file(file)?,
        None => Ledgers::read(&Session::open(global)?).await?,
    };
    let since = clock::now().saturating_sub(asked.since).unwrap_or_default();
    let own: Vec<&IssuanceRecord> =
        ledgers.records().filter(|record| is_of(&policy, record)).collect();
    let (mut differ, mut decisions, mut unknown) = (Vec::new(), 0, 0);
    for record in own.iter().filter(|record| record.spec.decision.time.0 >= since) {
        let Some(before) = before(&record.spec.decision) else { continue };
        decisions += 1;
        let Some(case) = case(record, &ledgers) else {
            unknown += 1;
            continue;
        };
        let judged = rules.judge(&case);
        let is_brought = case.is_brought();
        let now = judged.under(policy.spec.approval.mode, is_brought);
        if now != before {
            differ.push(Differs { record, before, now, judged, is_brought });
        }
    }
    differ.sort_by_key(|one| one.record.spec.decision.time.0);
    if !global.output.is_table() {
        let items: Vec<Value> = differ.iter().map(Differs::value).collect();
        let answer = json!({ "decisions": decisions, "unknown": unknown, "differ": items });
        return terminal.print(&global.output.text(&answer)?);
    }
    if !differ.is_empty() {
        let mut table = Table::new(&["TIME", "REQUEST", "WAS", "WOULD-BE", "WHY"]);
        for one in &differ {
            table.push(one.row());
        }
        terminal.table(&table)?;
    }
    let of = |outcome| differ.iter().filter(|one| one.now == outcome).count();
    let words = [RuleOutcome::Approve, RuleOutcome::Deny, RuleOutcome::Ask];
    let counts: BTreeMap<&str, usize> = words.map(|outcome| (outcome.word(), of(outcome))).into();
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    terminal.line(format!(
        "{decisions} decisions, {} would be others ({}); of {unknown} the ledger keeps too little to tell",
        differ.len(),
        counts.join(", ")
    ))
}

fn is_of(policy: &TrustPolicy, record: &IssuanceRecord) -> bool {
    let place = policy.metadata.namespace.as_deref().unwrap_or_default();
    let wanted = Key::resolve(&policy.spec.virtual_mesh_ref, place);
    let namespace = record.metadata.namespace.as_deref().unwrap_or_default();
    let of = Key::resolve(&record.spec.virtual_mesh_ref, namespace);
    // A draft need not say where it will stand.
    of.name == wanted.name && (wanted.namespace.is_empty() || of.namespace == wanted.namespace)
}

/// What became of the request when it was decided; `None` for records of something else.
fn before(decision: &Decision) -> Option<RuleOutcome> {
    match (decision.by.as_str(), decision.verdict) {
        ("third-party", _) => Some(RuleOutcome::Ask),
        ("policy" | "rule", Verdict::Approved) => Some(RuleOutcome::Approve),
        ("policy" | "rule", Verdict::Denied) => Some(RuleOutcome::Deny),
        _ => None,
    }
}

/// What rules saw when it was decided; what was revoked since counts as revoked.
fn case(record: &IssuanceRecord, ledgers: &Ledgers) -> Option<Case> {
    let facts: Facts = serde_json::from_str(&record.spec.facts).ok()?;
    let own = Key::of(record);
    let mesh = Key::new(&own.namespace, &facts.mesh.name);
    let virtual_mesh = Key::resolve(&record.spec.virtual_mesh_ref, &own.namespace);
    let last = Last::before(&own, (&mesh, &virtual_mesh), cases::placed(ledgers.records()));
    Some(Case::new(&facts, last.as_ref(), record.spec.decision.time.0))
}

impl Differs<'_> {
    fn row(&self) -> Vec<String> {
        vec![
            self.record.spec.decision.time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            plain(&Key::of(self.record).to_string()).into_owned(),
            self.before.word().to_owned(),
            self.now.word().to_owned(),
            plain(&because(&self.judged, self.is_brought)).into_owned(),
        ]
    }

    fn value(&self) -> Value {
        json!({
            "time": self.record.spec.decision.time, "namespace": self.record.metadata.namespace,
            "name": self.record.spec.request.name, "was": self.before.word(),
            "wouldBe": self.now.word(), "because": self.judged.because,
        })
    }
}
