//! The Common Expression Language: text, checked program, value.
//!
//! A [`Program`] is an expression that was parsed and type-checked in an [`Environment`]; an [`Evaluator`] evaluates it on
//! JSON as it is, within a [`Budget`] of steps. What expressions may call is a table of [`Functions`] that the environment
//! is handed; [`library::ALL`] are those that need nothing but their arguments. A library has types of its own
//! ([`Opaque`]), and asks a [`Host`] what it cannot know by itself.

mod budget;
mod checker;
mod collection;
mod comparison;
mod entries;
mod environment;
mod evaluator;
mod fault;
mod function;
mod go_text;
mod json;
mod lexer;
pub mod library;
mod macros;
mod message;
mod operator_signatures;
mod operators;
mod parser;
mod pattern;
mod program;
mod signature;
mod syntax;
mod text;
mod times;
mod to_json;
mod types;
mod unification;
mod value;

pub use budget::Budget;
pub use environment::Environment;
pub use evaluator::{Evaluator, Variable};
pub use fault::Fault;
pub use function::{Call, Function, Functions, Host, Run};
pub use program::Program;
pub use text::shown;
pub use to_json::to_json;
pub use types::{Field, ListOf, ObjectType, Type};
pub use value::{Message, Opaque, Outcome, Shape, Text, Value};
