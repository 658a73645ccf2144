//! Name constraints (RFC 5280 section 4.2.1.10), as the strictest peer applies them.

use std::net::IpAddr;

use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;

use crate::distinguished_name::DistinguishedName;
use crate::dns_name;
use crate::general_name::RawName;
use crate::uri::{self, UriHost};

/// Comparisons of names with subtrees, as Go and rustls-webpki bound them.
const COMPARISONS_MOST: usize = 250_000;

/// Why a certificate cannot stand under an issuer's name constraints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameConstraintError {
    /// The constraint is on URIs.
    #[error(
        "it constrains URIs, and rustls-webpki (ztunnel, Linkerd) refuses every URI under such a constraint"
    )]
    Uri,
    /// The constraint is on a type of name that not every peer processes.
    #[error(
        "it constrains names other than DNS names and IP addresses, which not every peer processes"
    )]
    Type,
    /// The constraint has no subtree.
    #[error("it has no subtree")]
    Empty,
    /// The constraint has a minimum or maximum distance, which RFC 5280 forbids.
    #[error("it has a minimum or maximum distance")]
    Distance,
    /// A DNS subtree is not a DNS name.
    #[error("its DNS subtree {subtree:?} is not a DNS name")]
    DnsSubtree {
        /// The subtree.
        subtree: String,
    },
    /// A name below the constraint is not one to every peer: Go and rustls-webpki refuse a
    /// certificate for it as soon as there is any constraint.
    #[error("{name:?} is not a well-formed {kind}, and it has constraints on names")]
    MalformedName {
        /// The name.
        name: String,
        /// `DNS name`, `e-mail address` or `URI with a host name`.
        kind: &'static str,
    },
    /// An IP subtree is no address and contiguous mask.
    #[error("its IP subtree is not an address with a contiguous mask")]
    IpSubtree,
    /// Subtrees times names are too many to compare.
    #[error("it has too many subtrees for so many names")]
    TooMany,
    /// A name lies in an excluded subtree.
    #[error("it excludes {name}")]
    Excluded {
        /// The name.
        name: String,
    },
    /// A name lies in no permitted subtree.
    #[error("it does not permit {name}")]
    NotPermitted {
        /// The name.
        name: String,
    },
}

enum Subtree {
    Dns(String),
    Ip { address: IpAddr, mask: u128 },
}

/// Checks whether anything at all can stand under the constraints.
pub(crate) fn check_usable(constraints: &NameConstraints) -> Result<(), NameConstraintError> {
    let permitted = subtrees(constraints.permitted_subtrees.as_deref())?;
    let excluded = subtrees(constraints.excluded_subtrees.as_deref())?;
    if permitted.is_empty() && excluded.is_empty() {
        return Err(NameConstraintError::Empty);
    }
    Ok(())
}

/// Checks the alternative names of a certificate with this subject against an issuer's constraints.
pub(crate) fn check(
    constraints: &NameConstraints,
    names: &[RawName<'_>],
    subject: &DistinguishedName,
) -> Result<(), NameConstraintError> {
    let permitted = subtrees(constraints.permitted_subtrees.as_deref())?;
    let excluded = subtrees(constraints.excluded_subtrees.as_deref())?;
    if permitted.is_empty() && excluded.is_empty() {
        return Err(NameConstraintError::Empty);
    }
    // OpenSSL counts the attributes of the subject too.
    let count = names.len() + subject.attributes().count();
    if count.saturating_mul(permitted.len() + excluded.len()) > COMPARISONS_MOST {
        return Err(NameConstraintError::TooMany);
    }
    names.iter().try_for_each(check_form)?;
    check_names(names, &permitted, &excluded)
}

/// Checks the common name of an end entity that has no DNS name: OpenSSL and BoringSSL take it for one.
pub(crate) fn check_common_name(
    constraints: &NameConstraints,
    names: &[RawName<'_>],
    subject: &DistinguishedName,
) -> Result<(), NameConstraintError> {
    if names.iter().any(|name| matches!(name, RawName::Dns(_))) {
        return Ok(());
    }
    let permitted = subtrees(constraints.permitted_subtrees.as_deref())?;
    let excluded = subtrees(constraints.excluded_subtrees.as_deref())?;
    let texts: Vec<String> = subject.common_names().collect();
    let read = texts.iter().map(String::as_str).filter(|text| dns_name::is_common_name(text));
    let names: Vec<RawName<'_>> = read.map(RawName::Dns).collect();
    check_names(&names, &permitted, &excluded)
}

fn check_names(
    names: &[RawName<'_>],
    permitted: &[Subtree],
    excluded: &[Subtree],
) -> Result<(), NameConstraintError> {
    for name in names {
        let Some(text) = text(name) else { continue };
        if excluded.iter().any(|subtree| subtree.touches(name)) {
            return Err(NameConstraintError::Excluded { name: text });
        }
        let mut of_type = permitted.iter().filter(|subtree| subtree.is_type_of(name)).peekable();
        if of_type.peek().is_some() && !of_type.any(|subtree| subtree.contains(name)) {
            return Err(NameConstraintError::NotPermitted { name: text });
        }
    }
    Ok(())
}

fn check_form(name: &RawName<'_>) -> Result<(), NameConstraintError> {
    let malformed = |name: &str, kind| {
        let name = name.to_owned();
        Err(NameConstraintError::MalformedName { name, kind })
    };
    match name {
        RawName::Dns(name) if !dns_name::is_presented(name) => malformed(name, "DNS name"),
        RawName::Email(address) if !is_mailbox(address) => malformed(address, "e-mail address"),
        RawName::Uri(uri) if !matches!(uri::host(uri), Some(UriHost::Name(_))) => {
            malformed(uri, "URI with a host name")
        }
        _ => Ok(()),
    }
}

/// RFC 5321 section 4.1.2 without quoted local parts, which no peer needs.
fn is_mailbox(address: &str) -> bool {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    address.rsplit_once('@').is_some_and(|(local, domain)| {
        local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
            && dns_name::is_presented(domain)
            && !domain.starts_with('*')
    })
}

/// Whether a subtree, permitted or excluded, is one of URIs.
pub(crate) fn has_uri(constraints: &NameConstraints) -> bool {
    let subtrees = [&constraints.permitted_subtrees, &constraints.excluded_subtrees];
    let is_uri = |subtree: &GeneralSubtree| {
        matches!(subtree.base, GeneralName::UniformResourceIdentifier(_))
    };
    subtrees.into_iter().flatten().flatten().any(is_uri)
}

fn text(name: &RawName<'_>) -> Option<String> {
    match name {
        RawName::Dns(name) => Some((*name).to_owned()),
        RawName::Ip(address) => Some(address.to_string()),
        RawName::Uri(_) | RawName::Email(_) | RawName::Other(_) => None,
    }
}

fn subtrees(list: Option<&[GeneralSubtree]>) -> Result<Vec<Subtree>, NameConstraintError> {
    list.unwrap_or_default().iter().map(Subtree::read).collect()
}

impl Subtree {
    fn read(subtree: &GeneralSubtree) -> Result<Self, NameConstraintError> {
        if subtree.minimum != 0 || subtree.maximum.is_some() {
            return Err(NameConstraintError::Distance);
        }
        match &subtree.base {
            GeneralName::DnsName(name) => read_dns(name.as_str()),
            GeneralName::IpAddress(octets) => read_ip(octets.as_bytes()),
            GeneralName::UniformResourceIdentifier(_) => Err(NameConstraintError::Uri),
            _ => Err(NameConstraintError::Type),
        }
    }

    fn is_type_of(&self, name: &RawName<'_>) -> bool {
        matches!((self, name), (Self::Dns(_), RawName::Dns(_)) | (Self::Ip { .. }, RawName::Ip(_)))
    }

    fn contains(&self, name: &RawName<'_>) -> bool {
        match (self, name) {
            (Self::Dns(base), RawName::Dns(name)) => dns_contains(base, &name.to_ascii_lowercase()),
            (Self::Ip { address, mask }, RawName::Ip(other)) => {
                address.is_ipv4() == other.is_ipv4()
                    && number(*address) & mask == number(*other) & mask
            }
            _ => false,
        }
    }

    /// Whether any host that `name` stands for lies in the subtree: a wildcard stands for many.
    fn touches(&self, name: &RawName<'_>) -> bool {
        if self.contains(name) {
            return true;
        }
        let (Self::Dns(base), RawName::Dns(name)) = (self, name) else {
            return false;
        };
        let suffix = name.strip_prefix('*').map(str::to_ascii_lowercase);
        suffix.is_some_and(|suffix| base.ends_with(&suffix))
    }
}

fn read_dns(name: &str) -> Result<Subtree, NameConstraintError> {
    if !dns_name::is_constraint(name) {
        return Err(NameConstraintError::DnsSubtree { subtree: name.to_owned() });
    }
    Ok(Subtree::Dns(name.to_ascii_lowercase()))
}

/// An empty base contains everything; one that begins with a dot contains what is below it only.
fn dns_contains(base: &str, name: &str) -> bool {
    if base.is_empty() {
        return true;
    }
    match name.strip_suffix(base) {
        Some("") => !base.starts_with('.'),
        Some(below) => base.starts_with('.') || below.ends_with('.'),
        None => false,
    }
}

fn read_ip(octets: &[u8]) -> Result<Subtree, NameConstraintError> {
    let (address, mask) = match octets.len() {
        8 => (
            IpAddr::from(<[u8; 4]>::try_from(&octets[..4]).unwrap_or_default()),
            big_endian(&octets[4..]) | !u128::from(u32::MAX),
        ),
        32 => (
            IpAddr::from(<[u8; 16]>::try_from(&octets[..16]).unwrap_or_default()),
            big_endian(&octets[16..]),
        ),
        _ => return Err(NameConstraintError::IpSubtree),
    };
    if mask.leading_ones() + mask.trailing_zeros().min(128 - mask.leading_ones()) != 128 {
        return Err(NameConstraintError::IpSubtree);
    }
    Ok(Subtree::Ip { address, mask })
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn big_endian(octets: &[u8]) -> u128 {
    octets.iter().fold(0, |number, octet| (number << 8) | u128::from(*octet))
}
