//! What operators take and make (CEL specification, "Standard Definitions"). The evaluator knows by itself what they do,
//! and `or` and `orValue`, which do not always evaluate what they are given.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::signature::{Signature, result_of};
use crate::types::Type;

const EQUAL: &str = "A, A -> bool";
const ORDERED: &str = "bool, bool -> bool; int, int -> bool; int, double -> bool; int, uint -> bool; \
    uint, uint -> bool; uint, double -> bool; uint, int -> bool; double, double -> bool; double, int -> bool; \
    double, uint -> bool; string, string -> bool; bytes, bytes -> bool; timestamp, timestamp -> bool; \
    duration, duration -> bool";
const TRUTHS: &str = "bool, bool -> bool";

const OPERATORS: &[(&str, &str)] = &[
    ("_==_", EQUAL),
    ("_!=_", EQUAL),
    ("@in", "A, list(A) -> bool; A, map(A, B) -> bool"),
    ("!_", "bool -> bool"),
    ("_&&_", TRUTHS),
    ("_||_", TRUTHS),
    ("_<_", ORDERED),
    ("_<=_", ORDERED),
    ("_>_", ORDERED),
    ("_>=_", ORDERED),
    ("_?_:_", "bool, A, A -> A"),
    (
        "_[_]",
        "list(A), int -> A; map(B, A), B -> A; optional(list(A)), int -> optional(A); \
         optional(map(B, A)), B -> optional(A)",
    ),
    (
        "_[?_]",
        "list(A), int -> optional(A); map(B, A), B -> optional(A); optional(list(A)), int -> optional(A); \
         optional(map(B, A)), B -> optional(A)",
    ),
    (
        "_+_",
        "int, int -> int; uint, uint -> uint; double, double -> double; string, string -> string; \
         bytes, bytes -> bytes; list(A), list(A) -> list(A); duration, duration -> duration; \
         timestamp, duration -> timestamp; duration, timestamp -> timestamp",
    ),
    (
        "_-_",
        "int, int -> int; uint, uint -> uint; double, double -> double; duration, duration -> duration; \
         timestamp, timestamp -> duration; timestamp, duration -> timestamp",
    ),
    ("_*_", "int, int -> int; uint, uint -> uint; double, double -> double"),
    ("_/_", "int, int -> int; uint, uint -> uint; double, double -> double"),
    ("_%_", "int, int -> int; uint, uint -> uint"),
    ("-_", "int -> int; double -> double"),
    ("or", "optional(A), optional(A) -> optional(A)"),
    ("orValue", "optional(A), A -> A"),
];

static SIGNATURES: LazyLock<BTreeMap<&str, Vec<Signature>>> = LazyLock::new(|| {
    let read = |(name, overloads): &(&'static str, &'static str)| {
        (*name, Signature::read(overloads).collect())
    };
    OPERATORS.iter().map(read).collect()
});

/// The type of what an operator makes of operands of these types, if it takes them.
pub(crate) fn operation(name: &str, operands: &[Type]) -> Option<Type> {
    result_of(SIGNATURES.get(name)?, operands)
}
