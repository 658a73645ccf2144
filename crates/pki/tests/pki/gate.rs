use der::asn1::{Any, ObjectIdentifier, UintRef};
use der::{Decode, Encode};
use meshroot_pki::{KeyError, KeyKind, PrivateKey, PublicKey};
use num_bigint::BigUint;
use rstest::rstest;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::support::{openssl, sequence};

fn spki(oid: &str, parameters: Option<Any>, bits: &[u8]) -> Vec<u8> {
    SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters },
        subject_public_key: der::asn1::BitString::from_bytes(bits).unwrap(),
    }
    .to_der()
    .unwrap()
}

fn rsa_with_exponent(modulus: &BigUint, exponent: &BigUint) -> PublicKey {
    let integer = |number: &BigUint| UintRef::new(&number.to_bytes_be()).unwrap().to_der().unwrap();
    let key = sequence(&[integer(modulus), integer(exponent)]);
    PublicKey::from_spki_der(&spki("1.2.840.113549.1.1.1", Some(Any::null()), &key)).unwrap()
}

fn rsa(modulus: &BigUint) -> PublicKey {
    rsa_with_exponent(modulus, &BigUint::from(65537u32))
}

fn good_modulus() -> BigUint {
    let key = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let info = SubjectPublicKeyInfoOwned::from_der(key.public_key().spki_der()).unwrap();
    let bits = info.subject_public_key.as_bytes().unwrap().to_vec();
    // RSAPublicKey: SEQUENCE header (4), INTEGER header (4), a zero octet, 256 octets.
    BigUint::from_bytes_be(&bits[9..265])
}

fn one() -> BigUint {
    BigUint::from(1u32)
}

#[test]
fn a_generated_modulus_passes() {
    rsa(&good_modulus()).check_strength().unwrap();
}

#[rstest]
#[case(2047)]
#[case(1024)]
#[case(0)]
fn a_short_modulus_is_refused(#[case] bits: u64) {
    let modulus = if bits == 0 { BigUint::default() } else { (one() << (bits - 1)) + 1u32 };
    assert_eq!(rsa(&modulus).check_strength(), Err(KeyError::RsaModulusTooShort { bits }));
    assert_eq!(rsa(&modulus).kind_name(), format!("RSA-{bits}"));
}

#[test]
fn a_long_modulus_is_refused() {
    let modulus = (one() << 8192u32) + 1u32;
    assert_eq!(rsa(&modulus).check_strength(), Err(KeyError::RsaModulusTooLong { bits: 8193 }));
}

#[test]
fn the_longest_modulus_passes() {
    let no_small_factor =
        |n: &BigUint| n.bit(0) && (3u32..752).all(|divisor| n % divisor != BigUint::default());
    let modulus = (2u32..100_000).map(|offset| (one() << 8191u32) + offset).find(no_small_factor);
    rsa(&modulus.unwrap()).check_strength().unwrap();
}

#[test]
fn an_even_modulus_is_refused() {
    assert_eq!(rsa(&(good_modulus() << 1u32)).check_strength(), Err(KeyError::RsaModulusEven));
}

#[rstest]
#[case(BigUint::from(3u32), "3")]
#[case(BigUint::from(65539u32), "65539")]
#[case(one() << 4000u32, "a number of 4001 bits")]
fn another_exponent_than_65537_is_refused(#[case] exponent: BigUint, #[case] text: &str) {
    let key = rsa_with_exponent(&good_modulus(), &exponent);
    assert_eq!(key.check_strength(), Err(KeyError::RsaExponent { exponent: text.to_owned() }));
}

#[rstest]
#[case(3)]
#[case(5)]
#[case(751)]
fn a_small_factor_is_refused(#[case] factor: u32) {
    assert_eq!(
        rsa(&(good_modulus() * factor)).check_strength(),
        Err(KeyError::RsaSmallFactor { factor })
    );
}

#[test]
fn the_next_prime_is_no_small_factor() {
    // One in some hundred products with so small a prime looks like the power of one prime, by Fermat's theorem.
    let looks_like_one = |modulus: &BigUint| modulus % 756u32 == one();
    let modulus = std::iter::repeat_with(good_modulus).find(|modulus| !looks_like_one(modulus));
    rsa(&(modulus.unwrap() * 757u32)).check_strength().unwrap();
}

#[test]
fn a_modulus_with_the_roca_fingerprint_is_refused() {
    // The flawed generator's form for 2048-bit keys: p = k·M + (65537^a mod M), M the product of
    // the first 126 primes. Whether p is prime does not change the fingerprint.
    let primes = (2u32..702).filter(|n| (2..*n).all(|d| n % d != 0)).take(126);
    let primorial = primes.fold(one(), |product, prime| product * prime);
    let flawed = |k: u64, a: u32| {
        &primorial * BigUint::from(k)
            + BigUint::from(65537u32).modpow(&BigUint::from(a), &primorial)
    };
    let modulus = flawed(0x003f_ffff_ffff_ff01, 123_456) * flawed(0x003f_ffff_ffff_fa03, 654_321);
    assert!(modulus.bits() >= 2048, "{}", modulus.bits());
    assert_eq!(rsa(&modulus).check_strength(), Err(KeyError::RsaRoca));
}

/// The product of two numbers that lie `distance` either side of a number of 1025 bits, moved on
/// until no small prime divides it.
fn close_factors(distance: &BigUint) -> BigUint {
    let mut middle = one() << 1024u32;
    loop {
        let modulus = (&middle - distance) * (&middle + distance);
        if modulus.bit(0) && (3u32..752).all(|divisor| &modulus % divisor != BigUint::default()) {
            return modulus;
        }
        middle += 1u32;
    }
}

#[rstest]
#[case(BigUint::from(2u32))]
#[case(one() << 500u32)]
#[case(one() << 515u32)] // 32 rounds
fn close_primes_are_refused(#[case] distance: BigUint) {
    assert_eq!(rsa(&close_factors(&distance)).check_strength(), Err(KeyError::RsaClosePrimes));
}

#[test]
fn a_modulus_that_is_a_prime_or_a_power_of_one_is_refused() {
    let prime = |bits: &str| {
        let printed = openssl(&["prime", "-generate", "-bits", bits], b"").unwrap();
        BigUint::parse_bytes(printed.trim_ascii(), 10).unwrap()
    };
    for modulus in [prime("2048"), prime("1030").pow(2), prime("700").pow(3)] {
        let refused = rsa(&modulus).check_strength();
        // Fermat's method finds a square first.
        let of_one_prime = [Err(KeyError::RsaOnePrime), Err(KeyError::RsaClosePrimes)];
        assert!(of_one_prime.contains(&refused), "{refused:?}");
    }
    assert_eq!(rsa(&prime("2048")).check_strength(), Err(KeyError::RsaOnePrime));
}

#[test]
fn an_ed25519_point_of_small_order_is_refused_in_each_of_its_spellings() {
    let ed25519 = |bits: [u8; 32]| {
        PublicKey::from_spki_der(&spki("1.3.101.112", None, &bits)).unwrap().check_strength()
    };
    let with = |first: u8, between: u8, last: u8| {
        let mut octets = [between; 32];
        (octets[0], octets[31]) = (first, last);
        octets
    };
    let refused = [
        with(0, 0, 0),          // order 4
        with(1, 0, 0),          // order 1
        with(0xec, 0xff, 0x7f), // order 2
        with(0, 0, 0x80),       // the same with the other sign
        with(1, 0, 0x80),
        with(0xec, 0xff, 0xff),
        with(0xed, 0xff, 0x7f), // 0, not reduced
        with(0xee, 0xff, 0xff), // 1, not reduced
        with(0xff, 0xff, 0x7f),
    ];
    for point in refused {
        assert_eq!(ed25519(point), Err(KeyError::Ed25519SmallOrder), "{point:02x?}");
    }
    // The base point: y = 4/5.
    let mut base = [0x66; 32];
    base[0] = 0x58;
    assert_eq!(ed25519(base), Ok(()));
}

#[test]
fn primes_beyond_the_rounds_of_fermats_method_pass() {
    rsa(&close_factors(&(one() << 517u32))).check_strength().unwrap();
}

#[rstest]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "ECDSA-P521")]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"], "ECDSA-P224")]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "ECDSA-secp256k1")]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
       "ECDSA with unnamed curve")]
#[case(&["genpkey", "-algorithm", "ED448"], "Ed448")]
#[case(&["genpkey", "-algorithm", "X25519"], "X25519")]
#[case(&["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "RSASSA-PSS")]
fn other_kinds_are_read_and_refused_by_name(#[case] command: &[&str], #[case] kind: &str) {
    let private = openssl(command, b"").unwrap();
    let der = openssl(&["pkey", "-pubout", "-outform", "DER"], &private).unwrap();
    let key = PublicKey::from_spki_der(&der).unwrap();
    assert_eq!(key.kind_name(), kind);
    assert_eq!(key.kind(), None);
    assert_eq!(key.check_strength(), Err(KeyError::KindRefused { kind: kind.to_owned() }));
}

#[test]
fn a_point_beside_its_curve_is_refused() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let mut der = key.public_key().spki_der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(
        PublicKey::from_spki_der(&der),
        Err(KeyError::Point { kind: "ECDSA-P256".to_owned() })
    );
}

#[test]
fn a_compressed_point_is_refused() {
    let private =
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], b"")
            .unwrap();
    let der = openssl(&["ec", "-pubout", "-conv_form", "compressed", "-outform", "DER"], &private)
        .unwrap();
    assert_eq!(
        PublicKey::from_spki_der(&der),
        Err(KeyError::Point { kind: "ECDSA-P384".to_owned() })
    );
}

#[test]
fn parameters_where_none_belong_are_refused() {
    let ed25519 = spki("1.3.101.112", Some(Any::null()), &[9; 32]);
    assert!(matches!(PublicKey::from_spki_der(&ed25519), Err(KeyError::Parameters { .. })));
    let rsa = spki("1.2.840.113549.1.1.1", None, &[0x30, 0x00]);
    assert!(matches!(PublicKey::from_spki_der(&rsa), Err(KeyError::Parameters { .. })));
}

#[test]
fn an_ed25519_key_of_another_length_is_refused() {
    let short = spki("1.3.101.112", None, &[9; 31]);
    assert!(matches!(PublicKey::from_spki_der(&short), Err(KeyError::Point { .. })));
}
