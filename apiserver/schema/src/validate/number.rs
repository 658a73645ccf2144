//! Bounds of numbers.

use apiserver_object::Path;
use serde_json::{Number, Value};

use super::outcome::Outcome;
use super::types::Types;
use crate::formats::Format;
use crate::schema::{Checks, Type};
use apiserver_object::go_text::{Decoded, general};

/// The numbers that a type and a format can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// Any number.
    Unbounded,
    /// 32 or 64 bits, with the format if there is one.
    Integer { bits: u8, format: Option<&'static str> },
    /// What fits into 32 bits of floating point.
    Float,
}

/// Bounds and factor of a number.
#[derive(Debug)]
pub(crate) struct NumberChecks {
    range: Range,
    multiple_of: Option<f64>,
    maximum: Option<f64>,
    exclusive_maximum: bool,
    minimum: Option<f64>,
    exclusive_minimum: bool,
}

impl NumberChecks {
    pub(crate) fn compile(checks: &Checks, types: Types, format: Option<&Format>) -> Self {
        let range = match (types, format.map(Format::name)) {
            (Types::One(Type::Integer), Some("int32")) => {
                Range::Integer { bits: 32, format: Some("int32") }
            }
            (Types::One(Type::Integer), Some("int64")) => {
                Range::Integer { bits: 64, format: Some("int64") }
            }
            (Types::One(Type::Integer), _) => Range::Integer { bits: 64, format: None },
            (Types::One(Type::Number), Some("float")) => Range::Float,
            _ => Range::Unbounded,
        };
        let float = |number: &Option<Number>| number.as_ref().and_then(Number::as_f64);
        Self {
            range,
            multiple_of: float(&checks.multiple_of),
            maximum: float(&checks.maximum),
            exclusive_maximum: checks.exclusive_maximum,
            minimum: float(&checks.minimum),
            exclusive_minimum: checks.exclusive_minimum,
        }
    }

    pub(crate) fn check(&self, number: Decoded, path: &Path<'_>, outcome: &mut Outcome) {
        self.range.check(number, "Checked", path, outcome);
        if let Some(factor) = self.multiple_of {
            let number = self.comparable(factor, number, "MultipleOf", path, outcome);
            check_multiple(factor, number, path, outcome);
        }
        // Minimum before maximum: the order in which both are reported.
        if let Some(minimum) = self.minimum {
            let number = self.comparable(minimum, number, "Minimum boundary", path, outcome);
            self.check_minimum(minimum, number, path, outcome);
        }
        if let Some(maximum) = self.maximum {
            let number = self.comparable(maximum, number, "Maximum boundary", path, outcome);
            self.check_maximum(maximum, number, path, outcome);
        }
    }

    /// The number as it is compared with `bound`: a bound outside the range is itself reported, and compared with as a
    /// fraction.
    fn comparable(
        &self,
        bound: f64,
        number: Decoded,
        what: &str,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) -> Decoded {
        let fits = self.range.check(Decoded::Float(bound), what, path, outcome);
        if fits { number } else { Decoded::Float(number.as_f64()) }
    }

    fn check_minimum(&self, minimum: f64, number: Decoded, path: &Path<'_>, outcome: &mut Outcome) {
        let below = if self.exclusive_minimum {
            !compare(
                number,
                minimum,
                |number, bound| number > bound,
                |number, bound| number > bound,
            )
        } else {
            !compare(
                number,
                minimum,
                |number, bound| number >= bound,
                |number, bound| number >= bound,
            )
        };
        if below {
            let rule =
                if self.exclusive_minimum { "greater than" } else { "greater than or equal to" };
            outcome.invalid(
                path,
                Some(shown(number)),
                &format!("should be {rule} {}", bound(minimum, number)),
            );
        }
    }

    fn check_maximum(&self, maximum: f64, number: Decoded, path: &Path<'_>, outcome: &mut Outcome) {
        let above = if self.exclusive_maximum {
            !compare(
                number,
                maximum,
                |number, bound| number < bound,
                |number, bound| number < bound,
            )
        } else {
            !compare(
                number,
                maximum,
                |number, bound| number <= bound,
                |number, bound| number <= bound,
            )
        };
        if above {
            let rule = if self.exclusive_maximum { "less than" } else { "less than or equal to" };
            outcome.invalid(
                path,
                Some(shown(number)),
                &format!("should be {rule} {}", bound(maximum, number)),
            );
        }
    }
}

/// Whole numbers are compared with the whole part of the bound.
#[allow(clippy::cast_possible_truncation)] // a bound outside of 64 bits was reported by the range check
fn compare(
    number: Decoded,
    bound: f64,
    whole: fn(i64, i64) -> bool,
    float: fn(f64, f64) -> bool,
) -> bool {
    match number {
        Decoded::Whole(number) => whole(number, bound as i64),
        Decoded::Float(number) => float(number, bound),
    }
}

#[allow(clippy::cast_possible_truncation)]
fn bound(bound: f64, number: Decoded) -> String {
    match number {
        Decoded::Whole(_) => (bound as i64).to_string(),
        Decoded::Float(_) => general(bound),
    }
}

fn shown(number: Decoded) -> Value {
    match number {
        Decoded::Whole(whole) => whole.into(),
        Decoded::Float(float) => float.into(),
    }
}

#[allow(clippy::cast_possible_truncation)]
fn check_multiple(factor: f64, number: Decoded, path: &Path<'_>, outcome: &mut Outcome) {
    let multiple = match number {
        Decoded::Whole(whole) => {
            let factor = factor as i64;
            factor > 0 && whole % factor == 0
        }
        Decoded::Float(float) => {
            factor > 0.0
                && is_whole(if factor < 1.0 { 1.0 / factor * float } else { float / factor })
        }
    };
    if !multiple {
        outcome.invalid(
            path,
            Some(shown(number)),
            &format!("should be a multiple of {}", bound(factor, number)),
        );
    }
}

/// A number without a fraction, within 53 bits; a relative error of 1e-9 is none.
#[allow(clippy::float_cmp)]
pub(crate) fn is_whole(float: f64) -> bool {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    if !float.is_finite() || float.abs() > LARGEST {
        return false;
    }
    let rounded = float.round();
    float == rounded || (rounded != 0.0 && (float - rounded).abs() < 1e-9 * rounded.abs())
}

impl Range {
    /// Reports a number that the type cannot hold.
    fn check(self, number: Decoded, what: &str, path: &Path<'_>, outcome: &mut Outcome) -> bool {
        if self.holds(number) {
            return true;
        }
        let kind = if self == Self::Float { "number" } else { "integer" };
        let format = match self {
            Self::Integer { format: Some(format), .. } => format!("with format {format}"),
            Self::Integer { format: None, .. } | Self::Unbounded => "(default format)".to_owned(),
            Self::Float => "with format float".to_owned(),
        };
        outcome.placeless(format!("{what} value must be of type {kind} {format} in {path}"));
        false
    }

    #[allow(clippy::cast_possible_truncation)] // the conversion is the check
    fn holds(self, number: Decoded) -> bool {
        match (self, number) {
            (Self::Unbounded, _) | (Self::Integer { bits: 64, .. }, Decoded::Whole(_)) => true,
            (Self::Integer { .. }, Decoded::Whole(whole)) => i32::try_from(whole).is_ok(),
            (Self::Integer { bits, .. }, Decoded::Float(float)) => {
                let limit = if bits == 32 { 2_147_483_648.0 } else { 9_223_372_036_854_775_808.0 };
                float.fract() == 0.0 && (-limit..limit).contains(&float)
            }
            (Self::Float, number) => (number.as_f64() as f32).is_finite(),
        }
    }
}
