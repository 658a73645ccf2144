//! The functions that rules and policies may call.

use std::sync::LazyLock;

use cel_language::{Budget, Function, Functions, library};

use crate::{authorization, escape_key, named_format};

/// Steps of one expression, as the real server's `PerCallLimit`.
const EXPRESSION: u64 = 1_000_000;

/// Steps of all expressions on one object or binding, as the real server's `RuntimeCELCostBudget`.
const OBJECT: u64 = 10_000_000;

const OWN: [&[Function]; 2] = [authorization::FUNCTIONS, named_format::FUNCTIONS];

static FUNCTIONS: LazyLock<Functions> =
    LazyLock::new(|| Functions::new(&[library::ALL.as_slice(), &OWN].concat()));

static MUTATION_FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    Functions::new(&[library::ALL.as_slice(), &OWN, &[escape_key::FUNCTIONS]].concat())
});

/// The functions of all rules and policies.
pub(crate) fn functions() -> &'static Functions {
    &FUNCTIONS
}

/// The same, with those that help to make a patch.
pub(crate) fn mutation_functions() -> &'static Functions {
    &MUTATION_FUNCTIONS
}

/// The steps of all expressions on one object.
pub(crate) const fn budget() -> Budget {
    Budget::new(EXPRESSION, OBJECT)
}
