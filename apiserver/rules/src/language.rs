//! The Common Expression Language: text, syntax, types, evaluation.

pub(crate) mod budget;
pub(crate) mod checker;
pub(crate) mod collection;
pub(crate) mod comparison;
pub(crate) mod evaluator;
pub(crate) mod foreign;
pub(crate) mod lexer;
pub(crate) mod macros;
pub(crate) mod natives;
pub(crate) mod operators;
pub(crate) mod parser;
pub(crate) mod patterns;
pub(crate) mod program;
pub(crate) mod signatures;
pub(crate) mod syntax;
pub(crate) mod times;
pub(crate) mod types;
pub(crate) mod value;
