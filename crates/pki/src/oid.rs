//! Object identifiers.

use const_oid::ObjectIdentifier;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

// Public keys (RFC 3279, RFC 5480, RFC 8410).
/// An RSA key, rsaEncryption.
pub const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
/// A key on a curve that is named beside it.
pub const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
/// An Ed25519 key, and its signatures.
pub const ED25519: ObjectIdentifier = oid("1.3.101.112");

// Curves (RFC 5480).
/// P-256, secp256r1.
pub const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
/// P-384, secp384r1.
pub const P384: ObjectIdentifier = oid("1.3.132.0.34");
/// P-521, secp521r1.
pub const P521: ObjectIdentifier = oid("1.3.132.0.35");

// Signatures (RFC 4055, RFC 5758, RFC 8410).
/// RSASSA-PKCS1-v1_5 over SHA-256.
pub const SHA256_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
/// RSASSA-PKCS1-v1_5 over SHA-384.
pub const SHA384_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
/// RSASSA-PKCS1-v1_5 over SHA-512.
pub const SHA512_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
/// RSASSA-PSS; the hash is in its parameters.
pub const RSASSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
/// ECDSA over SHA-256.
pub const ECDSA_WITH_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
/// ECDSA over SHA-384.
pub const ECDSA_WITH_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
/// ECDSA over SHA-512.
pub const ECDSA_WITH_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");

// Request attributes (RFC 2985).
/// The extensions that a request asks for.
pub const EXTENSION_REQUEST: ObjectIdentifier = oid("1.2.840.113549.1.9.14");
/// The same, as older tools of Microsoft ask for them.
pub const MICROSOFT_EXTENSION_REQUEST: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.14");

// Certificate extensions (RFC 5280 section 4.2).
/// subjectKeyIdentifier.
pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.14");
/// keyUsage.
pub const KEY_USAGE: ObjectIdentifier = oid("2.5.29.15");
/// subjectAltName.
pub const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");
/// basicConstraints.
pub const BASIC_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
/// nameConstraints.
pub const NAME_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.30");
/// cRLDistributionPoints.
pub const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = oid("2.5.29.31");
/// authorityKeyIdentifier.
pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.35");
/// extKeyUsage.
pub const EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37");
/// certificatePolicies.
pub const CERTIFICATE_POLICIES: ObjectIdentifier = oid("2.5.29.32");
/// policyMappings.
pub const POLICY_MAPPINGS: ObjectIdentifier = oid("2.5.29.33");
/// policyConstraints.
pub const POLICY_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.36");
/// inhibitAnyPolicy.
pub const INHIBIT_ANY_POLICY: ObjectIdentifier = oid("2.5.29.54");
/// authorityInfoAccess.
pub const AUTHORITY_INFORMATION_ACCESS: ObjectIdentifier = oid("1.3.6.1.5.5.7.1.1");
/// The list of signed certificate timestamps (RFC 6962 section 3.3).
pub const SIGNED_CERTIFICATE_TIMESTAMPS: ObjectIdentifier = oid("1.3.6.1.4.1.11129.2.4.2");
/// netscape-cert-type, which Go and OpenSSL still read.
pub const NETSCAPE_CERTIFICATE_TYPE: ObjectIdentifier = oid("2.16.840.1.113730.1.1");

// Extensions of revocation lists (RFC 5280 sections 5.2 and 5.3).
/// cRLNumber.
pub const CRL_NUMBER: ObjectIdentifier = oid("2.5.29.20");
/// issuingDistributionPoint.
pub const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = oid("2.5.29.28");
/// deltaCRLIndicator.
pub const DELTA_CRL_INDICATOR: ObjectIdentifier = oid("2.5.29.27");
/// reasonCode, of an entry.
pub const CRL_REASON: ObjectIdentifier = oid("2.5.29.21");

// Key purposes (RFC 5280 section 4.2.1.12).
/// serverAuth: TLS servers.
pub const SERVER_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.1");
/// clientAuth: TLS clients.
pub const CLIENT_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.2");
/// anyExtendedKeyUsage.
pub const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37.0");

// Attribute types of distinguished names (X.520, RFC 4519).
/// CN.
pub const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
/// O.
pub const ORGANIZATION: ObjectIdentifier = oid("2.5.4.10");
/// OU.
pub const ORGANIZATIONAL_UNIT: ObjectIdentifier = oid("2.5.4.11");

/// Short names that RFC 4514 section 3 lists, and the two registered ones that operators know.
const ATTRIBUTE_SHORT_NAMES: [(ObjectIdentifier, &str); 11] = [
    (COMMON_NAME, "CN"),
    (ORGANIZATION, "O"),
    (ORGANIZATIONAL_UNIT, "OU"),
    (oid("2.5.4.5"), "serialNumber"),
    (oid("2.5.4.6"), "C"),
    (oid("2.5.4.7"), "L"),
    (oid("2.5.4.8"), "ST"),
    (oid("2.5.4.9"), "STREET"),
    (oid("0.9.2342.19200300.100.1.25"), "DC"),
    (oid("0.9.2342.19200300.100.1.1"), "UID"),
    (oid("1.2.840.113549.1.9.1"), "emailAddress"),
];

/// Names of keys and curves that are read only so that a refusal can say what they are.
const KEY_NAMES: [(ObjectIdentifier, &str); 12] = [
    (RSA_ENCRYPTION, "RSA"),
    (RSASSA_PSS, "RSASSA-PSS"),
    (oid("1.2.840.10040.4.1"), "DSA"),
    (oid("1.3.101.110"), "X25519"),
    (oid("1.3.101.111"), "X448"),
    (oid("1.3.101.113"), "Ed448"),
    (oid("2.16.840.1.101.3.4.3.17"), "ML-DSA-44"),
    (oid("2.16.840.1.101.3.4.3.18"), "ML-DSA-65"),
    (oid("2.16.840.1.101.3.4.3.19"), "ML-DSA-87"),
    (oid("1.3.132.0.33"), "P224"),
    (oid("1.3.132.0.10"), "secp256k1"),
    (P521, "P521"),
];

/// The short name of an attribute type, if it has one.
pub(crate) fn attribute_short_name(attribute: &ObjectIdentifier) -> Option<&'static str> {
    ATTRIBUTE_SHORT_NAMES.iter().find(|(known, _)| known == attribute).map(|(_, name)| *name)
}

/// The name of a key algorithm or curve, else its dotted number.
pub(crate) fn key_name(algorithm: &ObjectIdentifier) -> String {
    KEY_NAMES
        .iter()
        .find(|(known, _)| known == algorithm)
        .map_or_else(|| algorithm.to_string(), |(_, name)| (*name).to_owned())
}
