//! What an expression may use.

use std::sync::Arc;

use crate::function::Functions;
use crate::types::{ObjectType, Type};

/// Names and functions that an expression may use.
pub struct Environment {
    /// Variables, by position: which is how a program finds their values.
    pub globals: Vec<(&'static str, Type)>,
    /// The functions.
    pub functions: &'static Functions,
    /// The types of messages that an expression may make (`Name{field: value}`).
    pub messages: Vec<Arc<ObjectType>>,
}
