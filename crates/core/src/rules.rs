//! Approval rules: conditions in the Common Expression Language, asked in their order before anything is signed.
//!
//! A rule that cannot be compiled or evaluated never approves: people are asked.

mod case;
mod environment;

use std::collections::BTreeSet;
use std::fmt;

use cel_language::{Budget, Evaluator, Program, Type, Value};
use meshroot_api::policy::{ApprovalMode, ApprovalRule, RuleOutcome};

pub use case::{Case, Last, facts};
use environment::environment;
pub use environment::vocabulary;

/// Steps of one condition.
const CONDITION: u64 = 100_000;

/// Steps of all conditions on one request.
const REQUEST: u64 = 1_000_000;

/// Rules, compiled.
#[derive(Debug, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    name: String,
    when: Program,
    then: RuleOutcome,
    message: String,
}

/// What is wrong with the text of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its place in the list, from 0.
    pub place: usize,
    /// Its name.
    pub rule: String,
    /// What is wrong; for a condition line and column, from 1, and the line with a mark under the column.
    pub text: String,
}

impl Fault {
    /// The same in one line, for a status.
    pub fn brief(&self) -> String {
        let first = self.text.lines().next().unwrap_or_default();
        format!("spec.approval.rules[{}] ({}): {first}", self.place, self.rule)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spec.approval.rules[{}] ({}): {}", self.place, self.rule, self.text)
    }
}

/// What rules make of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of it; `None` where no rule was true, and the mode of the policy decides.
    pub outcome: Option<RuleOutcome>,
    /// Which rule, and what it says; empty where none decided.
    pub because: String,
    /// The rules that were asked, in their order, with what each said.
    pub asked: Vec<(String, Result<bool, String>)>,
}

impl Judgement {
    /// What becomes of the request: what a rule says, else the policy's mode. A key that somebody brought (`is_brought`) is
    /// approved by neither.
    pub fn under(&self, mode: ApprovalMode, is_brought: bool) -> RuleOutcome {
        let outcome = self.outcome.unwrap_or(match mode {
            ApprovalMode::Automatic => RuleOutcome::Approve,
            ApprovalMode::ThirdParty => RuleOutcome::Ask,
        });
        if is_brought && outcome == RuleOutcome::Approve { RuleOutcome::Ask } else { outcome }
    }
}

impl Rules {
    /// Compiles rules.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn compile(rules: &[ApprovalRule]) -> Result<Self, Vec<Fault>> {
        let (mut compiled, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (place, rule) in rules.iter().enumerate() {
            let mut fault = |text: String| {
                faults.push(Fault { place, rule: rule.name.clone(), text });
            };
            if !names.insert(&rule.name) {
                fault("another rule has this name".to_owned());
            }
            match Program::compile(&rule.when, &environment()) {
                Ok(when) if when.result == Type::Bool => compiled.push(Rule {
                    name: rule.name.clone(),
                    when,
                    then: rule.then,
                    message: rule.message.clone(),
                }),
                Ok(when) => {
                    fault(format!("when is true or false, and not of type {}", when.result));
                }
                // How the parser calls what it reads.
                Err(text) => fault(text.replace("ERROR: <input>:", "when, line:column ")),
            }
        }
        if faults.is_empty() { Ok(Self(compiled)) } else { Err(faults) }
    }

    /// What the rules make of a request. The first that is true decides; one that cannot be evaluated has people asked,
    /// whatever stands after it.
    pub fn judge(&self, case: &Case) -> Judgement {
        let (budget, mut asked) = (Budget::new(CONDITION, REQUEST), Vec::new());
        let evaluator = Evaluator::new(case.values(), &budget);
        for rule in &self.0 {
            let said = match evaluator.run(&rule.when) {
                Ok(Value::Bool(said)) => Ok(said),
                Ok(_) => Err("it is neither true nor false".to_owned()),
                Err(fault) => Err(fault.to_string()),
            };
            asked.push((rule.name.clone(), said.clone()));
            let (outcome, because) = match said {
                Ok(false) => continue,
                Ok(true) => (rule.then, rule.because()),
                Err(fault) => {
                    let because = format!("{} could not be evaluated: {fault}", rule.name);
                    (RuleOutcome::Ask, because)
                }
            };
            return Judgement { outcome: Some(outcome), because, asked };
        }
        Judgement { outcome: None, because: String::new(), asked }
    }
}

impl Rule {
    fn because(&self) -> String {
        if self.message.is_empty() {
            self.name.clone()
        } else {
            format!("{}: {}", self.name, self.message)
        }
    }
}

/// What the rules of a policy make of a request; of rules that cannot be compiled, that people are asked. `case` is asked only
/// where there are rules.
pub fn judge(rules: &[ApprovalRule], case: impl FnOnce() -> Case) -> Judgement {
    if rules.is_empty() {
        return Judgement { outcome: None, because: String::new(), asked: Vec::new() };
    }
    match Rules::compile(rules) {
        Ok(rules) => rules.judge(&case()),
        Err(faults) => {
            let because = faults.first().map(Fault::brief).unwrap_or_default();
            Judgement { outcome: Some(RuleOutcome::Ask), because, asked: Vec::new() }
        }
    }
}
