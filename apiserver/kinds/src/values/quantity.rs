//! Quantities of resources as `k8s.io/apimachinery/pkg/api/resource` reads, rounds and writes them.

use std::fmt;

use serde_json::Value;

const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";
const NUMBER: &str = "unable to parse numeric part of quantity";
/// The finest that a quantity is kept in: `n`.
const FINEST: i64 = -9;
/// The most digits that surely fit into 64 bits.
const FEW_DIGITS: i64 = 18;
const DECIMAL: [(&str, i64); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY: [(&str, u32); 6] =
    [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// Which suffixes a quantity is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Decimal,
    Exponent,
    Binary,
}

/// A quantity: digits times a power of ten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quantity {
    negative: bool,
    digits: Digits,
    form: Form,
    /// What is written as it was read: Go keeps some texts that are not in the one form.
    text: Option<String>,
}

/// A number without a sign; no digits are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Digits {
    digits: Vec<u8>,
    exponent: i64,
}

/// A text in its parts (`parseQuantityString`).
struct Parts<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
    has_digits: bool,
}

impl Quantity {
    /// Reads a JSON value: a text or a number.
    pub(crate) fn of(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self::default()),
            Value::String(text) => Self::parse(text.trim()).map_err(str::to_owned),
            Value::Number(number) => Self::parse(&number.to_string()).map_err(str::to_owned),
            _ => Err(FORMAT.to_owned()),
        }
    }

    /// The number of whole ones; `None` where that is negative or beyond 64 bits.
    pub(crate) fn whole(&self) -> Option<u64> {
        self.digits.whole().filter(|whole| !self.negative || *whole == 0)
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.digits.is_whole()
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative && !self.digits.is_zero()
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err(FORMAT);
        }
        let parts = Parts::of(text)?;
        let (power, form) = exponent(parts.suffix).ok_or(SUFFIX)?;
        let (twos, tens) = if form == Form::Binary { (power, 0) } else { (0, power) };
        let digits = Digits::new(parts.whole.bytes().chain(parts.fraction.bytes()));
        let mut digits = Digits { exponent: tens - length(parts.fraction), ..digits };
        let kept = parts.is_kept(&digits, twos, form).then(|| text.to_owned());
        digits.double(twos);
        if !parts.is_short(digits.exponent, twos, form) {
            if !parts.has_digits {
                return Err(NUMBER);
            }
            digits = digits.rounded_up(FINEST);
        }
        let mut quantity = Self { negative: parts.negative, digits, form, text: kept };
        quantity.cap();
        Ok(quantity)
    }

    /// A binary quantity is at most what 64 bits hold, and has no fraction of one.
    fn cap(&mut self) {
        if self.form != Form::Binary || self.digits.is_zero() {
            return;
        }
        if self.digits.whole().is_none_or(|whole| whole > i64::MAX.unsigned_abs()) {
            self.digits = Digits::new(i64::MAX.to_string().bytes());
        } else if self.digits.whole() == Some(0) {
            self.form = Form::Decimal;
        }
    }

    /// The same rounded up to thousandths, away from zero.
    #[must_use]
    pub(super) fn in_thousandths(self) -> Self {
        if self.digits.exponent >= -3 {
            return self;
        }
        Self { digits: self.digits.rounded_up(-3), text: None, ..self }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return formatter.write_str(text);
        }
        if self.digits.is_zero() {
            return formatter.write_str("0");
        }
        if self.negative {
            formatter.write_str("-")?;
        }
        let whole = self.digits.whole().filter(|whole| self.digits.is_whole() && *whole >= 1024);
        if let (Form::Binary, Some(whole)) = (self.form, whole) {
            let times = (whole.trailing_zeros() / 10).min(6);
            let suffix = BINARY.iter().find(|(_, power)| *power == times * 10);
            return write!(formatter, "{}{}", whole >> (times * 10), suffix.map_or("", |s| s.0));
        }
        let (digits, exponent) = self.digits.in_thousands();
        match (self.form, exponent) {
            (Form::Exponent, 0) => write!(formatter, "{digits}"),
            (Form::Exponent, _) => write!(formatter, "{digits}e{exponent}"),
            _ => {
                // Go has no suffix above E and writes none.
                let suffix = DECIMAL.iter().find(|(_, power)| *power == exponent);
                write!(formatter, "{digits}{}", suffix.map_or("", |suffix| suffix.0))
            }
        }
    }
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, &'static str> {
        let negative = text.starts_with('-');
        let number = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, rest) = split(number, |sign| sign.is_ascii_digit());
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => split(rest, |sign| sign.is_ascii_digit()),
            None => ("", rest),
        };
        let (_, rest) = split(suffix, |sign| "eEinumkKMGTP".contains(sign));
        let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(FORMAT);
        }
        let has_digits = !(whole.is_empty() && fraction.is_empty());
        let whole = whole.trim_start_matches('0');
        Ok(Self { negative, whole, fraction, suffix, has_digits })
    }

    /// What Go reads with 64 bits, and so rounds nothing of.
    fn is_short(&self, scale: i64, twos: i64, form: Form) -> bool {
        let whole = length(self.whole).max(1);
        match form {
            Form::Binary => {
                self.fraction.is_empty() && 15 - whole - twos * 3 / 10 > 0 && scale >= FINEST
            }
            _ => whole + length(self.fraction) <= FEW_DIGITS && scale >= FINEST,
        }
    }

    /// What Go takes for the one form of the quantity, rightly or not.
    fn is_kept(&self, digits: &Digits, twos: i64, form: Form) -> bool {
        if !self.is_short(digits.exponent, twos, form) {
            return false;
        }
        if form == Form::Binary {
            return !digits.last().is_multiple_of(8);
        }
        let all = [if self.whole.is_empty() { "0" } else { self.whole }, self.fraction].concat();
        digits.exponent % 3 == 0 && !all.ends_with("000") && !all.starts_with('0')
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|sign| !belongs(sign)).unwrap_or(text.len()))
}

/// The power of two or ten that a suffix stands for.
fn exponent(suffix: &str) -> Option<(i64, Form)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(text, _)| *text == suffix) {
        return Some((*power, Form::Decimal));
    }
    if let Some((_, power)) = BINARY.iter().find(|(text, _)| *text == suffix) {
        return Some((i64::from(*power), Form::Binary));
    }
    let power: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    // Go keeps the lower 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    Some((i64::from(power as i32), Form::Exponent))
}

impl Digits {
    fn new(digits: impl Iterator<Item = u8>) -> Self {
        Self { digits: digits.skip_while(|&digit| digit == b'0').collect(), exponent: 0 }
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn is_whole(&self) -> bool {
        let zeros = self.digits.iter().rev().take_while(|&&digit| digit == b'0').count();
        self.is_zero() || i64::try_from(zeros).is_ok_and(|zeros| self.exponent + zeros >= 0)
    }

    /// The last three digits, which tell what eight divides.
    fn last(&self) -> u32 {
        let from = self.digits.len().saturating_sub(3);
        self.digits[from..].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    }

    /// Multiplies by a power of two.
    fn double(&mut self, power: i64) {
        let factor = 1_u128 << power;
        let mut carry = 0_u128;
        let mut digits = Vec::with_capacity(self.digits.len() + 20);
        let mut before = self.digits.iter().rev();
        loop {
            let digit = before.next();
            if digit.is_none() && carry == 0 {
                break;
            }
            carry += digit.map_or(0, |digit| u128::from(digit - b'0')) * factor;
            digits.push(b'0' + u8::try_from(carry % 10).unwrap_or_default());
            carry /= 10;
        }
        digits.reverse();
        self.digits = digits;
    }

    /// Rounds away from zero to a multiple of this power of ten.
    fn rounded_up(self, exponent: i64) -> Self {
        if self.exponent >= exponent || self.is_zero() {
            return self;
        }
        let dropped = usize::try_from(exponent - self.exponent).unwrap_or(usize::MAX);
        let kept = self.digits.len().saturating_sub(dropped);
        let (kept, dropped) = self.digits.split_at(kept);
        let mut digits = kept.to_vec();
        if dropped.iter().any(|&digit| digit != b'0') {
            let nines = digits.iter().rev().take_while(|&&digit| digit == b'9').count();
            let at = digits.len() - nines;
            digits[at..].fill(b'0');
            match at.checked_sub(1) {
                Some(at) => digits[at] += 1,
                None => digits.insert(0, b'1'),
            }
        }
        Self { digits, exponent }
    }

    /// The whole part, if it fits.
    fn whole(&self) -> Option<u64> {
        if self.is_zero() {
            return Some(0);
        }
        let length = i64::try_from(self.digits.len()).ok()?;
        match length + self.exponent {
            ..=0 => Some(0),
            1..=20 => {
                let digits = self.digits.iter().copied().chain(std::iter::repeat(b'0'));
                let digits = digits.take(usize::try_from(length + self.exponent).ok()?);
                String::from_utf8(digits.collect()).ok()?.parse().ok()
            }
            _ => None,
        }
    }

    /// With the highest exponent that three divides and that leaves no fraction.
    fn in_thousands(&self) -> (String, i64) {
        let zeros = self.digits.iter().rev().take_while(|&&digit| digit == b'0').count();
        let mut digits = self.digits[..self.digits.len() - zeros].to_vec();
        let exponent = self.exponent + i64::try_from(zeros).unwrap_or_default();
        let more = exponent.rem_euclid(3);
        digits.extend(std::iter::repeat_n(b'0', usize::try_from(more).unwrap_or_default()));
        (String::from_utf8(digits).unwrap_or_default(), exponent - more)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Written as read by Go, and as a resource: kube-apiserver 1.37 is where these come from.
    #[test]
    fn a_quantity_is_written_as_go_writes_it() {
        for (text, written) in [
            ("0.5", "500m"),
            ("1.0", "1"),
            ("1000m", "1"),
            ("1.", "1."),
            (".5", "500m"),
            ("+2", "+2"),
            (" 2 ", "2"),
            ("1000.0", "1k"),
            ("1E3", "1E3"),
            ("1e-1", "100e-3"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.1Gi", "107374182400m"),
            ("1000k", "1M"),
            ("0.0001", "100u"),
            ("00", "0"),
            ("0Gi", "0"),
            ("123456789012345678901", "123456789012345678901"),
            ("9Ei", "9223372036854775807"),
            ("1000E", "1"),
            ("8Ki", "8Ki"),
            ("512Ki", "512Ki"),
            ("0.5Ki", "512"),
            ("0.0001Ki", "102400u"),
            ("1.23456789", "1234567890n"),
            ("0.00000000001", "1n"),
            ("-1.5", "-1500m"),
            ("-0.0", "0"),
            ("1e12", "1e12"),
            ("10Ti", "10Ti"),
            ("3.14k", "3140"),
            (".", "0"),
            ("+", "0"),
            ("1000000Ki", "1000000Ki"),
            ("999999999999999999.9999999999", "1E"),
        ] {
            assert_eq!(Quantity::of(&text.into()).unwrap().to_string(), written, "{text:?}");
        }
        assert_eq!(Quantity::of(&json!(0.5)).unwrap().to_string(), "500m");
        assert_eq!(Quantity::of(&json!(1_000_000)).unwrap().to_string(), "1M");
    }

    #[test]
    fn resources_are_rounded_up_to_thousandths() {
        for (text, written) in
            [("100000n", "1m"), ("1.23456789", "1235m"), ("-0.0001", "-1m"), ("0.9999", "1")]
        {
            let quantity = Quantity::of(&text.into()).unwrap().in_thousandths();
            assert_eq!(quantity.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "x", "1x", "1 m", "1.2.3", "5 5", "1e3x", "\u{661}"] {
            assert_eq!(Quantity::of(&text.into()).unwrap_err(), FORMAT, "{text:?}");
        }
        for text in ["--1", "Pi", "1Zi", "1ee3", "1Kim", "1e", "1i", "1e99999999999999999999"] {
            assert!(Quantity::of(&text.into()).is_err(), "{text:?}");
        }
        assert_eq!(Quantity::of(&json!(true)).unwrap_err(), FORMAT);
    }
}
