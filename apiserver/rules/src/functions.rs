//! The functions that rules and policies may call.

use std::sync::LazyLock;

use cel_language::{Budget, Functions, library};

use crate::{authorization, named_format};

/// Steps of one expression, as the real server's `PerCallLimit`.
const EXPRESSION: u64 = 1_000_000;

/// Steps of all expressions on one object or binding, as the real server's `RuntimeCELCostBudget`.
const OBJECT: u64 = 10_000_000;

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let own = [authorization::FUNCTIONS, named_format::FUNCTIONS];
    Functions::new(&[library::ALL.as_slice(), &own].concat())
});

/// All functions.
pub(crate) fn functions() -> &'static Functions {
    &FUNCTIONS
}

/// The steps of all expressions on one object.
pub(crate) const fn budget() -> Budget {
    Budget::new(EXPRESSION, OBJECT)
}
