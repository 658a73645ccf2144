//! Decimal numbers of any size, exact (the Go package `inf`).

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

/// Largest distance of two scales for which numbers are added: their sum has as many digits.
const FARTHEST: u32 = 10_000;

/// `unscaled` divided by ten to the power of `scale`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    unscaled: BigInt,
    scale: i64,
}

impl Decimal {
    pub(super) fn new(unscaled: impl Into<BigInt>, scale: i64) -> Self {
        Self { unscaled: unscaled.into(), scale }
    }

    pub(super) fn sign(&self) -> Sign {
        self.unscaled.sign()
    }

    /// The number with another sign.
    pub(super) fn negated(self) -> Self {
        Self { unscaled: -self.unscaled, ..self }
    }

    /// The sum, if it is not absurdly long.
    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Some(Self { unscaled: self.at_scale(scale)? + other.at_scale(scale)?, scale })
    }

    /// The nearest number away from zero that has no more than `scale` digits after the point.
    pub(super) fn rounded_up(self, scale: i64) -> Self {
        let surplus = self.scale - scale;
        if surplus <= 0 || self.sign() == Sign::NoSign {
            return self.at_scale(scale).map_or(self, |unscaled| Self { unscaled, scale });
        }
        let one = BigInt::from(if self.sign() == Sign::Minus { -1 } else { 1 });
        let unscaled = match power_of_ten(surplus).filter(|_| surplus <= self.digits()) {
            None => one,
            Some(power) => {
                let exact = &self.unscaled % &power == BigInt::ZERO;
                let whole = self.unscaled / power;
                if exact { whole } else { whole + one }
            }
        };
        Self { unscaled, scale }
    }

    /// The number as its nearest of IEEE 754, and then times its power of ten, as Go does it.
    pub(super) fn approximate(&self) -> f64 {
        let unscaled = self.unscaled.to_string().parse().unwrap_or(f64::NAN);
        times_power_of_ten(unscaled, -self.scale)
    }

    fn at_scale(&self, scale: i64) -> Option<BigInt> {
        Some(&self.unscaled * power_of_ten(scale - self.scale)?)
    }

    fn digits(&self) -> i64 {
        let digits = self.unscaled.magnitude().to_string().len();
        i64::try_from(digits).unwrap_or(i64::MAX)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.sign().cmp(&other.sign());
        if signs.is_ne() || self.sign() == Sign::NoSign {
            return signs;
        }
        let magnitudes = (self.digits() - self.scale).cmp(&(other.digits() - other.scale));
        let scale = self.scale.max(other.scale);
        match (self.at_scale(scale), other.at_scale(scale)) {
            (Some(one), Some(other)) if magnitudes.is_eq() => one.cmp(&other),
            _ if self.sign() == Sign::Minus => magnitudes.reverse(),
            _ => magnitudes,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

/// Multiplies by a power of ten, as Go's `math.Pow10` knows it.
pub(super) fn times_power_of_ten(number: f64, exponent: i64) -> f64 {
    if exponent == 0 {
        return number;
    }
    number * format!("1e{exponent}").parse::<f64>().unwrap_or(f64::NAN)
}

fn power_of_ten(exponent: i64) -> Option<BigInt> {
    let exponent = u32::try_from(exponent).ok().filter(|exponent| *exponent <= FARTHEST)?;
    Some(BigInt::from(10).pow(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_their_value() {
        let decimal = |unscaled: i64, scale| Decimal::new(unscaled, scale);
        let ascending = [
            decimal(-1, -1_000_000_000),
            decimal(-11, 1),
            decimal(-1, 0),
            decimal(0, 5),
            decimal(1, 1_000_000_000),
            decimal(999, 3),
            decimal(1, 0),
            decimal(1001, 3),
            decimal(1, -2_000_000_000),
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(one.cmp(other), at.cmp(&other_at), "{one:?} {other:?}");
            }
        }
        assert_eq!(decimal(100, 2), decimal(1, 0));
        assert_eq!(decimal(0, 2), decimal(0, -9));
    }

    #[test]
    fn numbers_are_rounded_away_from_zero() {
        let rounded = |unscaled: i64, scale| Decimal::new(unscaled, scale).rounded_up(9);
        assert_eq!(rounded(1, 1_000_000_000), Decimal::new(1, 9));
        assert_eq!(rounded(-15, 10), Decimal::new(-2, 9));
        assert_eq!(rounded(20, 10), Decimal::new(2, 9));
        assert_eq!(rounded(5, 10), Decimal::new(1, 9));
        assert_eq!(rounded(3, 0), Decimal::new(3, 0));
    }
}
