//! What an expression may use.

use crate::function::Functions;
use crate::types::Type;

/// Names and functions that an expression may use.
pub struct Environment {
    /// Variables, by position: which is how a program finds their values.
    pub globals: Vec<(&'static str, Type)>,
    /// The functions.
    pub functions: &'static Functions,
}
