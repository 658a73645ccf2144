//! The key gate: which public keys a certificate authority must not certify.
//!
//! The RSA checks are those of the CA/Browser Forum's Baseline Requirements, section 6.1.6, as
//! public authorities apply them.

use num_bigint::BigUint;
use num_integer::Integer as _;

use crate::key::KeyError;
use crate::material::Material;

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
pub(crate) fn check(key: &Material) -> Result<(), KeyError> {
    check_kind(key)?;
    match key {
        Material::Rsa { modulus, exponent } => check_rsa(modulus, exponent),
        Material::Ed25519 { point } => check_ed25519(*point),
        _ => Ok(()),
    }
}

/// The y coordinates of the points of order 1, 2, 4 and 8 on edwards25519, little-endian.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    little_endian(0x01, 0x00, 0x00),
    little_endian(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// 2^255 - 19, from which on a y coordinate is another spelling of a smaller one.
const FIELD_PRIME: [u8; 32] = little_endian(0xed, 0xff, 0x7f);

const fn little_endian(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut octets = [between; 32];
    octets[0] = first;
    octets[31] = last;
    octets
}

/// Points of small order in each of their spellings: the sign bit does not matter, and a y that is
/// not reduced is refused whatever it stands for (RFC 8032 section 5.1.3).
fn check_ed25519(mut y: [u8; 32]) -> Result<(), KeyError> {
    y[31] &= 0x7f;
    let is_reduced = y.iter().rev().lt(FIELD_PRIME.iter().rev());
    if SMALL_ORDER.contains(&y) || !is_reduced {
        return Err(KeyError::Ed25519SmallOrder);
    }
    Ok(())
}

/// Only kind and size, as peers check them in each handshake.
pub(crate) fn check_kind(key: &Material) -> Result<(), KeyError> {
    match key {
        Material::Rsa { modulus, .. } => check_rsa_size(modulus.bits()),
        Material::EcdsaP256 | Material::EcdsaP384 | Material::Ed25519 { .. } => Ok(()),
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
    if has_one_prime(modulus) {
        return Err(KeyError::RsaOnePrime);
    }
    Ok(())
}

/// Whether a modulus `n` is `p` or `p^k`: then `a^n - a` is a multiple of `p` for every `a` (Fermat),
/// while for a product of different primes it has a factor in common with `n` by chance only.
fn has_one_prime(modulus: &BigUint) -> bool {
    let base = BigUint::from(2u32);
    let power = base.modpow(modulus, modulus);
    let difference = (power + modulus - base) % modulus;
    difference.gcd(modulus) != BigUint::from(1u32)
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
