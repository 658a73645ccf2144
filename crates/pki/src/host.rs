//! Hosts: the names that a certificate speaks for (subject alternative names).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::uri;

const DNS_MOST: usize = 253;
const LABEL_MOST: usize = 63;
/// SPIFFE ID section 2.3; applied to all URIs.
const URI_MOST: usize = 2048;
/// SPIFFE ID section 2.1.
const TRUST_DOMAIN_MOST: usize = 255;
const SPIFFE: &str = "spiffe://";

/// A name that a certificate speaks for.
///
/// Parsing checks the rules of its kind ([`HostError`]); a value built by hand, or read from a
/// certificate that someone else issued, is checked by [`Host::validate`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Host {
    /// A DNS name, lower case, no wildcard.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, above all a SPIFFE ID.
    Uri(String),
}

/// Why a text is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The text is empty.
    #[error("a host must not be empty")]
    Empty,
    /// The text is too long.
    #[error("a {kind} host has at most {most} bytes, this one has {length}")]
    Length {
        /// `DNS`, `URI` or `SPIFFE trust domain`.
        kind: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The limit.
        most: usize,
    },
    /// A wildcard.
    #[error("host {host:?} has a wildcard; name each host")]
    Wildcard {
        /// The host.
        host: String,
    },
    /// A DNS label is empty (also: the name begins or ends with a dot).
    #[error("DNS host {host:?} has an empty label")]
    LabelEmpty {
        /// The host.
        host: String,
    },
    /// A DNS label is too long.
    #[error("DNS host {host:?} has a label of more than {LABEL_MOST} characters")]
    LabelLength {
        /// The host.
        host: String,
    },
    /// A DNS label has another character than letters, digits and hyphens.
    #[error(
        "DNS host {host:?} has character {character:?}; labels have letters, digits and hyphens only"
    )]
    LabelCharacter {
        /// The host.
        host: String,
        /// The character.
        character: char,
    },
    /// A DNS label begins or ends with a hyphen.
    #[error("DNS host {host:?} has a label that begins or ends with a hyphen")]
    LabelHyphen {
        /// The host.
        host: String,
    },
    /// The last DNS label is a number, so the name reads as a broken IP address.
    #[error("host {host:?} ends in a number but is not an IP address")]
    NumericTopLabel {
        /// The host.
        host: String,
    },
    /// An IPv4 address in the form of an IPv6 one (RFC 4291, section 2.5.5.2): some take the two for one host, others for
    /// two, and name constraints hold for one of them.
    #[error("IP host {host:?} is an IPv4 address within IPv6; write {short}")]
    IpMapped {
        /// The host.
        host: String,
        /// The address alone.
        short: String,
    },
    /// The DNS name has upper-case letters (only a value built by hand can).
    #[error("host {host:?} is not in lower case")]
    UpperCase {
        /// The host.
        host: String,
    },
    /// A URI's scheme is not one of RFC 3986 in lower case.
    #[error("URI host {host:?} has no lower-case scheme before ://")]
    UriScheme {
        /// The host.
        host: String,
    },
    /// A URI has no authority.
    #[error("URI host {host:?} names nothing after ://")]
    UriAuthority {
        /// The host.
        host: String,
    },
    /// A URI has a character that RFC 3986 does not allow.
    #[error("URI host {host:?} has character {character:?}, which a URI must percent-encode")]
    UriCharacter {
        /// The host.
        host: String,
        /// The character.
        character: char,
    },
    /// A URI's authority or escapes are such that Go refuses a certificate that holds it.
    #[error(
        "URI host {host:?} cannot be read: its host needs labels that are not empty and a port in digits, and each % two hexadecimal digits"
    )]
    UriUnreadable {
        /// The host.
        host: String,
    },
    /// A SPIFFE trust domain has an empty label (also: it begins or ends with a dot).
    #[error(
        "SPIFFE ID {host:?} has an empty label in its trust domain; Go refuses a certificate with it"
    )]
    SpiffeLabelEmpty {
        /// The host.
        host: String,
    },
    /// A SPIFFE ID has a port, user, query or fragment.
    #[error("SPIFFE ID {host:?} has {part:?}; port, user, query and fragment are not allowed")]
    SpiffePart {
        /// The host.
        host: String,
        /// The character that begins the part.
        part: char,
    },
    /// A SPIFFE trust domain has a forbidden character.
    #[error(
        "SPIFFE ID {host:?} has character {character:?} in its trust domain; use a-z, 0-9, dot, hyphen and underscore"
    )]
    SpiffeTrustDomain {
        /// The host.
        host: String,
        /// The character.
        character: char,
    },
    /// A SPIFFE path segment has a forbidden character.
    #[error(
        "SPIFFE ID {host:?} has character {character:?} in its path; use letters, digits, dot, hyphen and underscore"
    )]
    SpiffePath {
        /// The host.
        host: String,
        /// The character.
        character: char,
    },
    /// A SPIFFE path segment is empty, `.` or `..`.
    #[error(
        "SPIFFE ID {host:?} has path segment {segment:?}; empty and relative segments are not allowed"
    )]
    SpiffeSegment {
        /// The host.
        host: String,
        /// The segment.
        segment: String,
    },
}

impl Host {
    /// Checks the rules of the host's kind; what [`Host::from_str`] returns always passes.
    pub fn validate(&self) -> Result<(), HostError> {
        match self {
            Self::Ip(address) => check_ip(address),
            Self::Uri(uri) => check_uri(uri),
            Self::Dns(name) if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Err(HostError::UpperCase { host: name.clone() })
            }
            Self::Dns(name) => check_dns(name),
        }
    }

    /// The trust domain, if the host is a SPIFFE ID.
    pub fn spiffe_trust_domain(&self) -> Option<&str> {
        let Self::Uri(uri) = self else { return None };
        let rest = uri.strip_prefix(SPIFFE)?;
        Some(rest.split_once('/').map_or(rest, |(domain, _)| domain))
    }
}

impl FromStr for Host {
    type Err = HostError;

    /// `://` makes a URI, an address literal an IP address, all else is a DNS name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if text.contains("://") {
            check_uri(text)?;
            return Ok(Self::Uri(text.to_owned()));
        }
        if let Ok(address) = text.parse() {
            check_ip(&address)?;
            return Ok(Self::Ip(address));
        }
        let name = text.to_ascii_lowercase();
        check_dns(&name)?;
        Ok(Self::Dns(name))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.pad(name),
            Self::Ip(address) => f.pad(&address.to_string()),
            Self::Uri(uri) => f.pad(uri),
        }
    }
}

fn check_ip(address: &IpAddr) -> Result<(), HostError> {
    match address {
        IpAddr::V6(long) if let Some(short) = long.to_ipv4_mapped() => {
            Err(HostError::IpMapped { host: long.to_string(), short: short.to_string() })
        }
        _ => Ok(()),
    }
}

fn check_dns(name: &str) -> Result<(), HostError> {
    let host = || name.to_owned();
    check_length("DNS", name, DNS_MOST)?;
    if name.contains('*') {
        return Err(HostError::Wildcard { host: host() });
    }
    for label in name.split('.') {
        check_label(name, label)?;
    }
    let top = name.rsplit('.').next().unwrap_or(name);
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HostError::NumericTopLabel { host: host() });
    }
    Ok(())
}

/// RFC 1123 section 2.1: letters, digits, and hyphens within.
fn check_label(name: &str, label: &str) -> Result<(), HostError> {
    let host = name.to_owned();
    if label.is_empty() {
        return Err(HostError::LabelEmpty { host });
    }
    if label.len() > LABEL_MOST {
        return Err(HostError::LabelLength { host });
    }
    let allowed = |character: &char| character.is_ascii_alphanumeric() || *character == '-';
    if let Some(character) = label.chars().find(|character| !allowed(character)) {
        return Err(HostError::LabelCharacter { host, character });
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(HostError::LabelHyphen { host });
    }
    Ok(())
}

fn check_uri(uri: &str) -> Result<(), HostError> {
    let host = || uri.to_owned();
    check_length("URI", uri, URI_MOST)?;
    if let Some(rest) = uri.strip_prefix(SPIFFE) {
        return check_spiffe(uri, rest);
    }
    let (scheme, rest) =
        uri.split_once("://").ok_or_else(|| HostError::UriScheme { host: host() })?;
    if !is_scheme(scheme) {
        return Err(HostError::UriScheme { host: host() });
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(HostError::UriAuthority { host: host() });
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(*c);
    match rest.chars().find(|character| !allowed(character)) {
        Some(character) => Err(HostError::UriCharacter { host: host(), character }),
        None if uri::host(uri).is_none() => Err(HostError::UriUnreadable { host: host() }),
        None => Ok(()),
    }
}

/// RFC 3986 section 3.1 in the lower case that it recommends.
fn is_scheme(scheme: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(allowed)
}

/// The SPIFFE ID specification, section 2.
fn check_spiffe(uri: &str, rest: &str) -> Result<(), HostError> {
    let host = || uri.to_owned();
    if let Some(part) = rest.chars().find(|character| ":@?#".contains(*character)) {
        return Err(HostError::SpiffePart { host: host(), part });
    }
    let (domain, path) = match rest.split_once('/') {
        Some((domain, path)) => (domain, Some(path)),
        None => (rest, None),
    };
    check_trust_domain(uri, domain)?;
    for segment in path.into_iter().flat_map(|path| path.split('/')) {
        check_segment(uri, segment)?;
    }
    Ok(())
}

fn check_trust_domain(uri: &str, domain: &str) -> Result<(), HostError> {
    let host = uri.to_owned();
    if domain.is_empty() {
        return Err(HostError::UriAuthority { host });
    }
    check_length("SPIFFE trust domain", domain, TRUST_DOMAIN_MOST)?;
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(*c);
    match domain.chars().find(|character| !allowed(character)) {
        Some(character) => Err(HostError::SpiffeTrustDomain { host, character }),
        None if domain.split('.').any(str::is_empty) => Err(HostError::SpiffeLabelEmpty { host }),
        None => Ok(()),
    }
}

fn check_segment(uri: &str, segment: &str) -> Result<(), HostError> {
    let host = uri.to_owned();
    if matches!(segment, "" | "." | "..") {
        let segment = segment.to_owned();
        return Err(HostError::SpiffeSegment { host, segment });
    }
    let allowed =
        |character: &char| character.is_ascii_alphanumeric() || "._-".contains(*character);
    match segment.chars().find(|character| !allowed(character)) {
        Some(character) => Err(HostError::SpiffePath { host, character }),
        None => Ok(()),
    }
}

fn check_length(kind: &'static str, text: &str, most: usize) -> Result<(), HostError> {
    let length = text.len();
    match length {
        0 => Err(HostError::Empty),
        _ if length > most => Err(HostError::Length { kind, length, most }),
        _ => Ok(()),
    }
}
