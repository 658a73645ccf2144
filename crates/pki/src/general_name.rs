//! Subject alternative names on the wire.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use der::asn1::{Ia5String, OctetString};
use der::{Decode, Encode, Header, Reader, SliceReader, Tag};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::host::Host;
use crate::tlv;

/// Why subject alternative names cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeneralNameError {
    /// The extension is no sequence of names.
    #[error("the subject alternative names cannot be read")]
    Malformed,
    /// The extension has no name in it.
    #[error("the list of subject alternative names is empty; leave the extension out")]
    Empty,
    /// A name has characters outside ASCII.
    #[error("subject alternative name {position} is not ASCII")]
    NotAscii {
        /// Its place, counted from 1.
        position: usize,
    },
    /// An address has neither 4 nor 16 octets.
    #[error(
        "subject alternative name {position} is an IP address of {length} octets; it must have 4 or 16"
    )]
    AddressLength {
        /// Its place, counted from 1.
        position: usize,
        /// Its length in octets.
        length: usize,
    },
    /// A name is of a type that has no use in a mesh.
    #[error(
        "subject alternative name {position} is of type {kind}; use DNS names, IP addresses and URIs"
    )]
    Type {
        /// Its place, counted from 1.
        position: usize,
        /// Name of the type in RFC 5280.
        kind: &'static str,
    },
}

/// One name as it stands in an extension, not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawName<'a> {
    Dns(&'a str),
    Uri(&'a str),
    Ip(IpAddr),
    /// An e-mail address (`rfc822Name`).
    Email(&'a str),
    /// Any other type, by its tag number; its encoding is sound.
    Other(u32),
}

/// Reads `GeneralNames` (RFC 5280 section 4.2.1.6).
pub(crate) fn read(der: &[u8]) -> Result<Vec<RawName<'_>>, GeneralNameError> {
    tlv::check_frame(der).map_err(|_| GeneralNameError::Malformed)?;
    if der.first() != Some(&0x30) {
        return Err(GeneralNameError::Malformed);
    }
    let members = tlv::members(der).map_err(|_| GeneralNameError::Malformed)?;
    if members.is_empty() {
        return Err(GeneralNameError::Empty);
    }
    members.into_iter().enumerate().map(|(index, member)| read_name(index + 1, member)).collect()
}

/// Writes `GeneralNames`, in the order given.
pub(crate) fn write(hosts: &[Host]) -> Result<Vec<u8>, der::Error> {
    hosts.iter().map(general_name).collect::<Result<Vec<_>, _>>()?.to_der()
}

fn general_name(host: &Host) -> Result<GeneralName, der::Error> {
    Ok(match host {
        Host::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
        Host::Uri(uri) => GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?),
        Host::Ip(IpAddr::V4(address)) => {
            GeneralName::IpAddress(OctetString::new(&address.octets()[..])?)
        }
        Host::Ip(IpAddr::V6(address)) => {
            GeneralName::IpAddress(OctetString::new(&address.octets()[..])?)
        }
    })
}

fn read_name(position: usize, member: &[u8]) -> Result<RawName<'_>, GeneralNameError> {
    let (tag, content) = split(member).ok_or(GeneralNameError::Malformed)?;
    let Tag::ContextSpecific { constructed, number } = tag else {
        return Err(GeneralNameError::Malformed);
    };
    match (constructed, number.value()) {
        (false, 2) => Ok(RawName::Dns(read_text(position, content)?)),
        (false, 6) => Ok(RawName::Uri(read_text(position, content)?)),
        (false, 7) => read_address(position, content).map(RawName::Ip),
        (false, 1) => Ok(RawName::Email(read_text(position, content)?)),
        (true, other @ (0 | 3..=5)) if is_structured(other, content) => Ok(RawName::Other(other)),
        (false, 8) if is_object_identifier(content) => Ok(RawName::Other(8)),
        _ => Err(GeneralNameError::Malformed),
    }
}

/// Whether the content of a constructed name is what RFC 5280 section 4.2.1.6 has: OpenSSL and
/// rustls-webpki refuse a certificate for a name of a type that they have no use for.
fn is_structured(tag: u32, content: &[u8]) -> bool {
    match tag {
        0 => matches!(tlv::members_of_content(content).as_deref(), Ok([[0x06, ..], [0xa0, ..]])),
        4 => Name::from_der(content).is_ok(),
        _ => tlv::members_of_content(content).is_ok(),
    }
}

fn is_object_identifier(content: &[u8]) -> bool {
    const_oid::ObjectIdentifier::from_bytes(content).is_ok()
}

fn split(member: &[u8]) -> Option<(Tag, &[u8])> {
    let mut reader = SliceReader::new(member).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let content = reader.read_slice(header.length()).ok()?;
    Some((header.tag(), content))
}

fn read_text(position: usize, content: &[u8]) -> Result<&str, GeneralNameError> {
    std::str::from_utf8(content)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or(GeneralNameError::NotAscii { position })
}

fn read_address(position: usize, content: &[u8]) -> Result<IpAddr, GeneralNameError> {
    if let Ok(octets) = <[u8; 4]>::try_from(content) {
        return Ok(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    if let Ok(octets) = <[u8; 16]>::try_from(content) {
        return Ok(IpAddr::V6(Ipv6Addr::from(octets)));
    }
    Err(GeneralNameError::AddressLength { position, length: content.len() })
}

/// Name of a type of `GeneralName` by its tag number.
pub(crate) fn type_name(tag: u32) -> &'static str {
    match tag {
        0 => "otherName",
        1 => "rfc822Name",
        3 => "x400Address",
        4 => "directoryName",
        5 => "ediPartyName",
        8 => "registeredID",
        _ => "unknown",
    }
}
