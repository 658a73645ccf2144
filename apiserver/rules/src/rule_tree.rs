//! The rules of a schema by the nodes that they stand at.

use apiserver_schema::Rule;
use cel_language::{Program, Type};

/// Position of `self` in the environment of a rule.
pub(crate) const SELF: usize = 0;
/// Position of `oldSelf`.
pub(crate) const OLD_SELF: usize = 1;

/// A node of the schema that has rules, or has them below.
#[derive(Debug)]
pub(crate) struct RuleNode {
    /// The JSON type as a word; empty where any is allowed.
    pub(crate) word: &'static str,
    pub(crate) kind: Type,
    pub(crate) rules: Vec<CompiledRule>,
    pub(crate) properties: Vec<(String, RuleNode)>,
    pub(crate) values: Option<Box<RuleNode>>,
    pub(crate) items: Option<Box<RuleNode>>,
    /// Fields that tell entries of the list apart; empty where nothing does.
    pub(crate) keys: Vec<String>,
}

/// A rule, compiled.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) rule: Rule,
    pub(crate) program: Program,
    pub(crate) message: Option<Program>,
    /// Below the node, without the leading dot; empty for the node itself.
    pub(crate) field: String,
}

impl CompiledRule {
    /// The rule compares with the object as it was.
    pub(crate) fn is_transition(&self) -> bool {
        self.program.used.contains(&OLD_SELF)
    }
}
