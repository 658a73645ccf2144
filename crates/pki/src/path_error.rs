//! Why there is no path, with the certificate at fault.

use std::fmt;

use jiff::Timestamp;

use crate::key::KeyError;
use crate::name_constraint::NameConstraintError;
use crate::path_options::Purpose;

/// A certificate in a path: its place, counted from 0 for the leaf, and its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPosition {
    /// 0 is the leaf; each issuer is one more.
    pub index: usize,
    /// RFC 4514 text of the subject; may be empty.
    pub subject: String,
}

impl fmt::Display for PathPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject.as_str() {
            "" => write!(f, "certificate {} (empty subject)", self.index),
            subject => write!(f, "certificate {} ({subject})", self.index),
        }
    }
}

/// Why no path leads from a leaf to an anchor, with the certificate at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No issuer of that name was given.
    #[error(
        "{certificate} was issued by {issuer}, which is neither among the anchors nor among the intermediates"
    )]
    UnknownAuthority {
        /// The certificate without issuer.
        certificate: PathPosition,
        /// Name of the missing issuer.
        issuer: String,
    },
    /// The issuer's name and a subject that was given are one text in two encodings.
    #[error(
        "{certificate} was issued by {issuer}; the certificate of that name that was given has it in another string type (such as PrintableString and UTF8String), and peers compare names as bytes: issue again from the subject as it is"
    )]
    IssuerNameEncoding {
        /// The certificate without issuer.
        certificate: PathPosition,
        /// Name of the issuer.
        issuer: String,
    },
    /// Several certificates could have issued one, and not each of them leads to an anchor.
    #[error(
        "{certificate} could have been issued by several certificates named {issuer}, and not each of them leads to a trusted root ({cause}); OpenSSL and Envoy take the first and never go back: leave the others out, or give each key a name of its own"
    )]
    AmbiguousIssuer {
        /// The issued certificate.
        certificate: PathPosition,
        /// Name of the issuers.
        issuer: String,
        /// Why one of them does not lead to an anchor.
        cause: Box<PathError>,
    },
    /// Below the anchor, subject and issuer are one name and nothing tells their keys apart.
    #[error(
        "{certificate} is named as its issuer is, and no authority key identifier tells their keys apart: OpenSSL and Envoy take it for self-signed; give it a name of its own"
    )]
    LooksSelfSigned {
        /// The certificate.
        certificate: PathPosition,
    },
    /// An anchor that names another key than its own as the one that signed it.
    #[error(
        "{certificate} is self-issued but its authority key identifier is not its own, so OpenSSL looks for another issuer"
    )]
    AnchorKeyIdentifier {
        /// The anchor.
        certificate: PathPosition,
    },
    /// A certificate of the issuer's name has another key identifier than the one asked for.
    #[error(
        "{certificate} names another key of {issuer} than the one given (authority key identifier)"
    )]
    KeyIdentifierMismatch {
        /// The issued certificate.
        certificate: PathPosition,
        /// Name of the issuer.
        issuer: String,
    },
    /// The issuer's key did not sign the certificate.
    #[error("{certificate} is not signed by the key of {issuer}: {source}")]
    Signature {
        /// The issued certificate.
        certificate: PathPosition,
        /// Name of the issuer.
        issuer: String,
        /// What the check of the signature said.
        source: KeyError,
    },
    /// The signature algorithm is too weak, or some peer does not know it.
    #[error("{certificate} is signed with {algorithm}, which not every peer accepts")]
    SignatureAlgorithm {
        /// The certificate.
        certificate: PathPosition,
        /// The algorithm's object identifier.
        algorithm: String,
    },
    /// Not yet valid. The message leaves the time of the check out: it goes into a status, which would change with
    /// every look.
    #[error("{certificate} is not valid before {not_before}")]
    NotBefore {
        /// The certificate.
        certificate: PathPosition,
        /// Its first second.
        not_before: Timestamp,
        /// The time that was checked.
        at: Timestamp,
    },
    /// No longer valid. The second of `not_after` itself counts as expired, as in OpenSSL.
    #[error("{certificate} expired at {not_after}")]
    NotAfter {
        /// The certificate.
        certificate: PathPosition,
        /// Its last second.
        not_after: Timestamp,
        /// The time that was checked.
        at: Timestamp,
    },
    /// Not an X.509 version 3 certificate.
    #[error("{certificate} is not of version 3")]
    Version {
        /// The certificate.
        certificate: PathPosition,
    },
    /// A unique identifier, which RFC 5280 section 4.1.2.8 says must not be written.
    #[error(
        "{certificate} has an issuer or subject unique identifier, which rustls-webpki refuses"
    )]
    UniqueIdentifier {
        /// The certificate.
        certificate: PathPosition,
    },
    /// A subject or issuer with a value that Go cannot read.
    #[error(
        "the {field} of {certificate} has a value that is not of its string type (such as @ in a PrintableString), or an empty part; Go refuses the certificate"
    )]
    NameString {
        /// The certificate.
        certificate: PathPosition,
        /// `subject` or `issuer`.
        field: &'static str,
    },
    /// A URI that Go cannot read.
    #[error("{certificate} is named {uri:?}, which Go cannot read as a URI, and so refuses")]
    Uri {
        /// The certificate.
        certificate: PathPosition,
        /// The URI.
        uri: String,
    },
    /// policyConstraints or inhibitAnyPolicy, critical or not.
    #[error(
        "{certificate} has extension {extension}, which restricts certificate policies: Go applies it, other peers do not"
    )]
    PolicyRestriction {
        /// The certificate.
        certificate: PathPosition,
        /// Its object identifier.
        extension: String,
    },
    /// Key of a kind or size that some peer refuses.
    #[error("{certificate}: {source}")]
    Key {
        /// The certificate.
        certificate: PathPosition,
        /// Why the key is refused.
        source: KeyError,
    },
    /// An issuer without CA in basicConstraints.
    #[error("{certificate} is used as an issuer but its basicConstraints do not say CA")]
    NotCertificateAuthority {
        /// The issuer.
        certificate: PathPosition,
    },
    /// An issuer whose keyUsage lacks keyCertSign.
    #[error("{certificate} is used as an issuer but its keyUsage lacks keyCertSign")]
    KeyCertSignMissing {
        /// The issuer.
        certificate: PathPosition,
    },
    /// A leaf whose keyUsage lacks digitalSignature, which TLS 1.3 needs.
    #[error("{certificate} is used in TLS but its keyUsage lacks digitalSignature")]
    DigitalSignatureMissing {
        /// The leaf.
        certificate: PathPosition,
    },
    /// More CA certificates below an issuer than its path length allows.
    #[error(
        "{certificate} allows {allowed} CA certificates below it (pathLen) but the path has {found}"
    )]
    PathLenExceeded {
        /// The issuer.
        certificate: PathPosition,
        /// Its path length.
        allowed: u8,
        /// CA certificates below it.
        found: usize,
    },
    /// An extended key usage that leaves out the purpose.
    #[error("{certificate} has an extended key usage without {purpose}")]
    ExtendedKeyUsage {
        /// The certificate.
        certificate: PathPosition,
        /// The purpose that was checked.
        purpose: Purpose,
    },
    /// A critical extension that some peer does not process.
    #[error("{certificate} has critical extension {extension}, which not every peer processes")]
    CriticalExtension {
        /// The certificate.
        certificate: PathPosition,
        /// Its object identifier.
        extension: String,
    },
    /// An issuer that constrains URIs.
    #[error(
        "{certificate} constrains URI names, and rustls-webpki (ztunnel, Linkerd) refuses every URI below it"
    )]
    UriNameConstraint {
        /// The issuer.
        certificate: PathPosition,
    },
    /// A name below an issuer breaks its constraints, or the constraints are themselves refused.
    #[error("{certificate} breaks the name constraints of {issuer}: {source}")]
    NameConstraint {
        /// The certificate below.
        certificate: PathPosition,
        /// The issuer with the constraints.
        issuer: PathPosition,
        /// What is wrong.
        source: NameConstraintError,
    },
    /// An anchor that some other key issued; OpenSSL does not stop at it.
    #[error(
        "{certificate} is given as an anchor but is not self-issued; OpenSSL looks for its issuer"
    )]
    AnchorNotSelfIssued {
        /// The anchor.
        certificate: PathPosition,
    },
    /// More intermediates than allowed.
    #[error("the path has more than {most} intermediates")]
    TooDeep {
        /// The limit.
        most: usize,
    },
    /// The search was given up.
    #[error(
        "no path was found within {limit} signature checks; remove certificates that do not belong"
    )]
    SearchLimit {
        /// The limit.
        limit: usize,
    },
    /// The certificate is on its issuer's revocation list.
    #[error("{certificate} was revoked by {issuer} at {since}{}", because(*reason))]
    Revoked {
        /// The certificate.
        certificate: PathPosition,
        /// Its issuer, whose list it is.
        issuer: String,
        /// Since when.
        since: Timestamp,
        /// Why, by the name in RFC 5280 section 5.3.1, where the list says it.
        reason: Option<&'static str>,
    },
    /// There are revocation lists, but none of this issuer.
    #[error(
        "no revocation list of {issuer}, which issued {certificate}, is among those given; once there is one, OpenSSL and Envoy refuse whatever has an issuer without one"
    )]
    NoRevocationList {
        /// The certificate.
        certificate: PathPosition,
        /// Its issuer.
        issuer: String,
    },
    /// The issuer of a certificate may not sign revocation lists.
    #[error("the keyUsage of {issuer} lacks cRLSign, so its revocation list does not count")]
    CrlSignMissing {
        /// The issuer.
        issuer: PathPosition,
    },
    /// The revocation list is of that name, but not of that key.
    #[error("the revocation list of {issuer} is not signed by its key: {source}")]
    RevocationListSignature {
        /// The issuer.
        issuer: String,
        /// What the check said.
        source: KeyError,
    },
    /// The revocation list is over, or not yet valid.
    #[error(
        "the revocation list of {issuer} is valid from {this_update} to {next_update}, not at {at}"
    )]
    RevocationListTime {
        /// The issuer.
        issuer: String,
        /// thisUpdate.
        this_update: Timestamp,
        /// nextUpdate.
        next_update: Timestamp,
        /// The time it was checked at.
        at: Timestamp,
    },
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}
