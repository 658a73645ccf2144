//! The key gate: which public keys a certificate authority must not certify.
//!
//! The RSA checks are those of the CA/Browser Forum's Baseline Requirements, section 6.1.6, as
//! public authorities apply them.

use num_bigint::BigUint;

use crate::key::KeyError;
use crate::public_key::{Material, PublicKey};

const MODULUS_BITS_LEAST: u64 = 2048;
const MODULUS_BITS_MOST: u64 = 8192;
const EXPONENT: u32 = 65537;

/// Primes below this must not divide a modulus.
const SMALL_FACTOR_LIMIT: u32 = 752;

/// The generator flaw of CVE-2017-15361 makes a modulus a power of 65537 modulo each of the primes
/// up to this one (the first 39 primes are in the primorial of every affected key size).
const ROCA_PRIME_MOST: u32 = 167;

/// Rounds of Fermat's method; primes that differ beyond it are found by chance only.
const FERMAT_ROUNDS: u32 = 110;

/// Refuses weak keys and kinds of keys that some peer refuses.
pub(crate) fn check(key: &PublicKey) -> Result<(), KeyError> {
    check_kind(key)?;
    match key.material() {
        Material::Rsa { modulus, exponent } => check_rsa(modulus, exponent),
        _ => Ok(()),
    }
}

/// Only kind and size, as peers check them in each handshake.
pub(crate) fn check_kind(key: &PublicKey) -> Result<(), KeyError> {
    match key.material() {
        Material::Rsa { modulus, .. } => check_rsa_size(modulus.bits()),
        Material::EcdsaP256 | Material::EcdsaP384 | Material::Ed25519 => Ok(()),
        Material::Other(kind) => Err(KeyError::KindRefused { kind: kind.clone() }),
    }
}

fn check_rsa_size(bits: u64) -> Result<(), KeyError> {
    if bits < MODULUS_BITS_LEAST {
        return Err(KeyError::RsaModulusTooShort { bits });
    }
    if bits > MODULUS_BITS_MOST {
        return Err(KeyError::RsaModulusTooLong { bits });
    }
    Ok(())
}

fn check_rsa(modulus: &BigUint, exponent: &BigUint) -> Result<(), KeyError> {
    if !modulus.bit(0) {
        return Err(KeyError::RsaModulusEven);
    }
    if *exponent != BigUint::from(EXPONENT) {
        return Err(KeyError::RsaExponent { exponent: describe(exponent) });
    }
    if let Some(factor) = primes_below(SMALL_FACTOR_LIMIT).find(|prime| divides(*prime, modulus)) {
        return Err(KeyError::RsaSmallFactor { factor });
    }
    if has_roca_fingerprint(modulus) {
        return Err(KeyError::RsaRoca);
    }
    if has_close_primes(modulus) {
        return Err(KeyError::RsaClosePrimes);
    }
    Ok(())
}

/// A hostile exponent can have thousands of digits; a message should not.
fn describe(exponent: &BigUint) -> String {
    if exponent.bits() <= 64 {
        exponent.to_string()
    } else {
        format!("a number of {} bits", exponent.bits())
    }
}

fn divides(prime: u32, number: &BigUint) -> bool {
    remainder(number, prime) == 0
}

fn remainder(number: &BigUint, prime: u32) -> u32 {
    (number % prime).iter_u32_digits().next().unwrap_or(0)
}

fn primes_below(limit: u32) -> impl Iterator<Item = u32> {
    (3..limit).step_by(2).filter(|candidate| {
        (3..).step_by(2).take_while(|d| d * d <= *candidate).all(|d| candidate % d != 0)
    })
}

/// Nemec and others, "The Return of Coppersmith's Attack" (CCS 2017), section 2.2: whether the
/// modulus is a power of 65537 modulo every prime of the common part of the primorials.
fn has_roca_fingerprint(modulus: &BigUint) -> bool {
    primes_below(ROCA_PRIME_MOST + 1)
        .all(|prime| is_power_of_exponent(remainder(modulus, prime), prime))
}

fn is_power_of_exponent(value: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == value {
            return true;
        }
        power = power * (EXPONENT % prime) % prime;
    }
    false
}

/// Fermat's method: looks for `n = a² - b²` with `a` just above the root of `n`.
fn has_close_primes(modulus: &BigUint) -> bool {
    let mut a = modulus.sqrt();
    if &a * &a < *modulus {
        a += 1u32;
    }
    for _ in 0..FERMAT_ROUNDS {
        if is_square(&(&a * &a - modulus)) {
            return true;
        }
        a += 1u32;
    }
    false
}

fn is_square(number: &BigUint) -> bool {
    // Squares are 0, 1 or 4 modulo 8: spares most of the roots.
    let low = number.iter_u32_digits().next().unwrap_or(0) % 8;
    if !matches!(low, 0 | 1 | 4) {
        return false;
    }
    let root = number.sqrt();
    &root * &root == *number
}
