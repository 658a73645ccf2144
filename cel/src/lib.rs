//! The Common Expression Language: text, checked program, value.
//!
//! A [`Program`] is an expression that was parsed and type-checked in an [`Environment`]; an [`Evaluator`] evaluates it on
//! JSON as it is, within a [`Budget`] of steps.

mod budget;
mod checker;
mod collection;
mod comparison;
mod evaluator;
mod foreign;
mod lexer;
mod macros;
mod natives;
mod operators;
mod parser;
mod patterns;
mod program;
mod signatures;
mod syntax;
mod times;
mod types;
mod value;

pub use budget::{Budget, Fault};
pub use checker::Environment;
pub use evaluator::{Evaluator, Host, Outcome, Variable};
pub use operators::shown;
pub use program::Program;
pub use signatures::Native;
pub use types::{Field, ListOf, ObjectType, Type};
pub use value::{Opaque, Shape, Text, Value};
