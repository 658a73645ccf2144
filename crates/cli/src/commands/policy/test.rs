//! `policy test`.

use meshroot_api::policy::RuleOutcome;
use meshroot_core::rules::Judgement;
use serde_json::{Value, json};

use super::cases::Tried;
use super::{Test, cases, documents};
use crate::failure::Failure;
use crate::global::Global;
use crate::plain::plain;
use crate::terminal::Terminal;

pub(super) fn run(global: &Global, asked: &Test, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut all = Vec::new();
    for file in &asked.files {
        all.extend(documents::of(file)?);
    }
    let policy = documents::policy(&all)?;
    let rules = documents::rules(&policy)?;
    let (mut failed, mut shown) = (0, Vec::new());
    let tried = cases::of(&all, &policy.spec)?;
    for tried in &tried {
        let judged = rules.judge(&tried.case);
        let outcome = judged.under(policy.spec.approval.mode, tried.case.is_brought());
        let is_expected = tried.expect.is_none_or(|expect| expect == outcome);
        failed += usize::from(!is_expected);
        if global.output.is_table() {
            show(tried, &judged, outcome, terminal)?;
        }
        shown.push(value(tried, &judged, outcome));
    }
    if !global.output.is_table() {
        terminal.print(&global.output.text(&json!({ "cases": shown }))?)?;
    } else if tried.is_empty() {
        let rules = policy.spec.approval.rules.len();
        terminal.line(format!("{rules} rules can be used; no request is there to try them on"))?;
    }
    match failed {
        0 => Ok(()),
        failed => {
            let cases = if tried.len() == 1 { "case is" } else { "cases are" };
            Err(Failure::no(format!(
                "{failed} of {} {cases} decided otherwise than expected",
                tried.len()
            )))
        }
    }
}

/// Which rule decides; the mode where none does.
pub(super) fn because(judged: &Judgement, is_brought: bool) -> String {
    match judged.because.as_str() {
        _ if is_brought && judged.outcome != Some(RuleOutcome::Deny) => {
            "people alone: somebody brought the key".to_owned()
        }
        "" => "mode of the policy: no rule is true".to_owned(),
        because => format!("rule {because}"),
    }
}

fn show(
    tried: &Tried,
    judged: &Judgement,
    outcome: RuleOutcome,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    terminal.line(plain(&tried.name))?;
    for (rule, said) in &judged.asked {
        let said = match said {
            Ok(said) => said.to_string(),
            Err(why) => format!("cannot be evaluated: {why}"),
        };
        terminal.line(plain(&format!("  {rule:<32} {said}")))?;
    }
    let wrong = match tried.expect {
        Some(expect) if expect != outcome => format!("; EXPECTED {}", expect.word()),
        _ => String::new(),
    };
    terminal.line(plain(&format!(
        "  {} by {}{wrong}",
        outcome.word(),
        because(judged, tried.case.is_brought())
    )))
}

fn value(tried: &Tried, judged: &Judgement, outcome: RuleOutcome) -> Value {
    let rules = judged.asked.iter().map(|(rule, said)| match said {
        Ok(said) => json!({ "rule": rule, "true": said }),
        Err(why) => json!({ "rule": rule, "error": why }),
    });
    json!({
        "name": tried.name, "outcome": outcome.word(), "because": judged.because,
        "rules": rules.collect::<Vec<_>>(), "expected": tried.expect.map(RuleOutcome::word),
    })
}
