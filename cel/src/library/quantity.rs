//! Quantities of resources (Kubernetes' library, on `k8s.io/apimachinery/pkg/api/resource`).

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

use super::decimal::{Decimal, times_power_of_ten};
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::value::{Opaque, Outcome, Value};

const PAIR: &str = "kubernetes.Quantity, kubernetes.Quantity -> bool";
const SUM: &str = "kubernetes.Quantity, kubernetes.Quantity -> kubernetes.Quantity; \
    kubernetes.Quantity, int -> kubernetes.Quantity";
const SIGN: &str = "kubernetes.Quantity -> int";

const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("quantity", "string -> kubernetes.Quantity", |call| {
        parsed(call)?.map(Value::opaque).map_err(Fault::new)
    }),
    Function::global("isQuantity", "string -> bool", |call| Ok(Value::Bool(parsed(call)?.is_ok()))),
    Function::global("sign", SIGN, sign),
    Function::member("sign", SIGN, sign),
    Function::member("isGreaterThan", PAIR, |call| Ok(Value::Bool(compared(call)?.is_gt()))),
    Function::member("isLessThan", PAIR, |call| Ok(Value::Bool(compared(call)?.is_lt()))),
    Function::member("compareTo", "kubernetes.Quantity, kubernetes.Quantity -> int", |call| {
        Ok(Value::Int(compared(call)? as i64))
    }),
    Function::member("asApproximateFloat", "kubernetes.Quantity -> double", |call| {
        Ok(Value::Double(call.opaque::<Quantity>(0)?.approximate()))
    }),
    Function::member("isInteger", "kubernetes.Quantity -> bool", |call| {
        Ok(Value::Bool(call.opaque::<Quantity>(0)?.integer().is_some()))
    }),
    Function::member("asInteger", "kubernetes.Quantity -> int", |call| {
        let integer = call.opaque::<Quantity>(0)?.integer();
        integer.map(Value::Int).ok_or_else(|| Fault::new("cannot convert value to integer"))
    }),
    Function::member("add", SUM, |call| {
        call.opaque::<Quantity>(0)?.plus(&operand(call)?).map(Value::opaque)
    }),
    Function::member("sub", SUM, |call| {
        call.opaque::<Quantity>(0)?.plus(&operand(call)?.negated()).map(Value::opaque)
    }),
];

/// A quantity. What is written with few digits is an integer times a power of ten, everything else a decimal: only the
/// first kind can be read as an integer, however round the second is.
#[derive(Clone, Debug)]
enum Quantity {
    Scaled { value: i64, exponent: i32 },
    Decimal(Decimal),
}

impl Opaque for Quantity {
    fn type_name(&self) -> &'static str {
        "kubernetes.Quantity"
    }

    fn equals(&self, other: &dyn Opaque) -> bool {
        other.downcast().is_some_and(|other| self.compared(other).is_eq())
    }
}

impl Quantity {
    fn decimal(&self) -> Decimal {
        match self {
            Self::Scaled { value, exponent } => Decimal::new(*value, -i64::from(*exponent)),
            Self::Decimal(decimal) => decimal.clone(),
        }
    }

    fn compared(&self, other: &Self) -> Ordering {
        self.decimal().cmp(&other.decimal())
    }

    fn sign(&self) -> i64 {
        match self.decimal().sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Scaled { value, exponent } => scaled(*value, (*exponent).into()),
            Self::Decimal(_) => None,
        }
    }

    fn approximate(&self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss)]
            Self::Scaled { value, exponent } => {
                times_power_of_ten(*value as f64, (*exponent).into())
            }
            Self::Decimal(decimal) => decimal.approximate(),
        }
    }

    fn negated(&self) -> Self {
        if let Self::Scaled { value, exponent } = *self
            && let Some(value) = value.checked_neg()
        {
            return Self::Scaled { value, exponent };
        }
        Self::Decimal(self.decimal().negated())
    }

    fn plus(&self, other: &Self) -> Result<Self, Fault> {
        if let (Self::Scaled { value, exponent }, Self::Scaled { value: more, exponent: at }) =
            (self, other)
            && let Some(sum) = sum((*value, *exponent), (*more, *at))
        {
            return Ok(Self::Scaled { value: sum.0, exponent: sum.1 });
        }
        self.decimal().plus(&other.decimal()).map(Self::Decimal).ok_or(Fault::Budget)
    }
}

/// The value times a power of ten, if it is an integer of 64 bits.
fn scaled(value: i64, exponent: i64) -> Option<i64> {
    match u32::try_from(exponent).ok()? {
        _ if value == 0 => Some(0),
        exponent => value.checked_mul(10_i64.checked_pow(exponent)?),
    }
}

fn sum(one: (i64, i32), other: (i64, i32)) -> Option<(i64, i32)> {
    match (one, other) {
        (_, (0, _)) => Some(one),
        ((0, _), _) => Some(other),
        ((one, high), (other, low)) if high >= low => {
            Some((scaled(one, i64::from(high) - i64::from(low))?.checked_add(other)?, low))
        }
        _ => sum(other, one),
    }
}

/// The outer fault is one of types, the inner one of the text.
fn parsed(call: &Call<'_, '_>) -> Result<Result<Quantity, &'static str>, Fault> {
    let text = call.text(0)?;
    // Long numbers take time as the square of their digits.
    let length = text.len() as u64;
    call.budget.take(length * length / 1_000)?;
    Ok(parse(text))
}

fn sign<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    Ok(Value::Int(call.opaque::<Quantity>(0)?.sign()))
}

fn compared(call: &Call<'_, '_>) -> Result<Ordering, Fault> {
    Ok(call.opaque::<Quantity>(0)?.compared(call.opaque(1)?))
}

fn operand(call: &Call<'_, '_>) -> Result<Quantity, Fault> {
    match call.int(1) {
        Ok(value) => Ok(Quantity::Scaled { value, exponent: 0 }),
        Err(_) => call.opaque::<Quantity>(1).cloned(),
    }
}

/// A number as it is written: digits before and after the point, without leading zeros, and what follows them.
struct Written<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    suffix: &'t str,
}

impl<'t> Written<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let negative = text.starts_with('-');
        let rest = text.strip_prefix(['-', '+']).unwrap_or(text).trim_start_matches('0');
        let (whole, rest) = digits(rest);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
        let exponent = suffix.trim_start_matches(|letter| "eEinumkKMGTP".contains(letter));
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let whole = if whole.is_empty() { "0" } else { whole };
        digits(exponent).1.is_empty().then_some(Self { negative, whole, fraction, suffix })
    }

    fn digits(&self) -> String {
        [self.whole, self.fraction].concat()
    }
}

/// The digits that the text begins with, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()))
}

/// What a suffix multiplies with.
#[derive(Clone, Copy)]
enum Multiplier {
    Ten(i32),
    Two(u32),
}

impl Multiplier {
    fn read(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "n" => Self::Ten(-9),
            "u" => Self::Ten(-6),
            "m" => Self::Ten(-3),
            "" => Self::Ten(0),
            "k" => Self::Ten(3),
            "M" => Self::Ten(6),
            "G" => Self::Ten(9),
            "T" => Self::Ten(12),
            "P" => Self::Ten(15),
            "E" => Self::Ten(18),
            "Ki" => Self::Two(10),
            "Mi" => Self::Two(20),
            "Gi" => Self::Two(30),
            "Ti" => Self::Two(40),
            "Pi" => Self::Two(50),
            "Ei" => Self::Two(60),
            // As the real server cuts it off.
            #[allow(clippy::cast_possible_truncation)]
            _ => Self::Ten(suffix.strip_prefix(['e', 'E'])?.parse::<i64>().ok()? as i32),
        })
    }
}

fn parse(text: &str) -> Result<Quantity, &'static str> {
    let written = Some(text).filter(|text| !text.is_empty()).and_then(Written::read);
    let written = written.ok_or(FORMAT)?;
    let multiplier = Multiplier::read(written.suffix).ok_or(SUFFIX)?;
    Ok(short(&written, multiplier).unwrap_or_else(|| long(&written, multiplier)))
}

/// The quantity, where its digits are few enough.
fn short(written: &Written<'_>, multiplier: Multiplier) -> Option<Quantity> {
    let places = i32::try_from(written.fraction.len()).ok()?;
    let length = written.whole.len() + written.fraction.len();
    let (exponent, factor, longest) = match multiplier {
        Multiplier::Ten(exponent) => (exponent.wrapping_sub(places), 1, 18),
        Multiplier::Two(power) if places == 0 => {
            (0, 1_i64 << power, 14_usize.saturating_sub((power * 3 / 10) as usize))
        }
        Multiplier::Two(_) => return None,
    };
    if length > longest || exponent < -9 {
        return None;
    }
    let value = written.digits().parse::<i64>().ok()?.checked_mul(factor)?;
    Some(Quantity::Scaled { value: if written.negative { -value } else { value }, exponent })
}

/// The quantity, rounded to the next billionth; one with a binary suffix is no greater than an integer of 64 bits.
fn long(written: &Written<'_>, multiplier: Multiplier) -> Quantity {
    let digits: BigInt = written.digits().parse().unwrap_or_default();
    let places = i64::try_from(written.fraction.len()).unwrap_or(i64::MAX);
    let amount = match multiplier {
        Multiplier::Ten(exponent) => {
            Decimal::new(digits, places - i64::from(exponent)).rounded_up(9)
        }
        Multiplier::Two(power) => {
            let most = Decimal::new(i64::MAX, 0);
            Decimal::new(digits << power, places).rounded_up(9).min(most)
        }
    };
    Quantity::Decimal(if written.negative { amount.negated() } else { amount })
}
