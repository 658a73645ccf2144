//! Distinguished names, kept as the exact DER that was read.

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

use der::asn1::{Any, BmpString, ObjectIdentifier, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::Name;

use crate::oid;

/// X.520 upper bound of O, OU and CN (RFC 5280 appendix A.1), in characters.
const ATTRIBUTE_MOST: usize = 64;

/// A distinguished name. Two names are equal when their DER is: the comparison that Go makes,
/// and the only one under which every peer finds the same issuer.
#[derive(Clone)]
pub struct DistinguishedName {
    der: Vec<u8>,
    name: Name,
}

/// Why a distinguished name cannot be built or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A field is empty.
    #[error("the {field} of a distinguished name must not be empty")]
    Empty {
        /// `organization`, `organizational unit` or `common name`.
        field: &'static str,
    },
    /// A field is too long (X.520).
    #[error(
        "the {field} of a distinguished name has at most {ATTRIBUTE_MOST} characters, this one has {length}"
    )]
    TooLong {
        /// `organization`, `organizational unit` or `common name`.
        field: &'static str,
        /// Its length in characters.
        length: usize,
    },
    /// A field has control characters.
    #[error("the {field} of a distinguished name has a control character")]
    ControlCharacter {
        /// `organization`, `organizational unit` or `common name`.
        field: &'static str,
    },
    /// The DER is no name.
    #[error("the distinguished name cannot be read")]
    Malformed,
}

impl DistinguishedName {
    /// Builds `O=…, OU=…, CN=…` in this order, one attribute in each RDN: `PrintableString` where the
    /// characters fit, else `UTF8String`.
    ///
    /// Vault rewrites names as `PrintableString`, and Go compares names as bytes, so the narrower
    /// type keeps a name the same wherever it is signed.
    pub fn new(org: &str, org_unit: &str, common_name: &str) -> Result<Self, NameError> {
        let rdns = [
            attribute("organization", oid::ORGANIZATION, org)?,
            attribute("organizational unit", oid::ORGANIZATIONAL_UNIT, org_unit)?,
            attribute("common name", oid::COMMON_NAME, common_name)?,
        ];
        let der = rdns.to_vec().to_der().map_err(|_| NameError::Malformed)?;
        Self::from_der(&der)
    }

    /// The empty name, which requests of the original agent have.
    pub fn empty() -> Self {
        Self { der: vec![0x30, 0x00], name: Name::default() }
    }

    /// Reads a DER `Name`.
    pub fn from_der(der: &[u8]) -> Result<Self, NameError> {
        let name = Name::from_der(der).map_err(|_| NameError::Malformed)?;
        let der = der.to_vec();
        Ok(Self { der, name })
    }

    /// The exact DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name as the parser's type.
    pub fn as_name(&self) -> &Name {
        &self.name
    }

    /// Its attributes, in the order of the DER.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &AttributeTypeAndValue> {
        self.name.iter()
    }

    /// Its common names, where they are text.
    pub(crate) fn common_names(&self) -> impl Iterator<Item = String> {
        let common_names = self.attributes().filter(|attribute| attribute.oid == oid::COMMON_NAME);
        common_names.filter_map(|attribute| text_of(&attribute.value))
    }

    /// Whether every peer can read each attribute: Go refuses a certificate whose names hold
    /// another type than its strings, or a character that the string's type has not; an RDN holds
    /// at least one attribute (X.501).
    pub(crate) fn is_readable(&self) -> bool {
        self.name.iter_rdn().all(|rdn| !rdn.is_empty())
            && self.attributes().all(|attribute| is_readable_string(&attribute.value))
    }

    /// Whether the name has no attribute.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty()
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for DistinguishedName {}

impl PartialOrd for DistinguishedName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DistinguishedName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.der.cmp(&other.der)
    }
}

impl Hash for DistinguishedName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.der.hash(state);
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

impl fmt::Display for DistinguishedName {
    /// RFC 4514: last RDN first, special and invisible characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rdns: Vec<_> = self.name.iter_rdn().collect();
        rdns.reverse();
        for (index, rdn) in rdns.into_iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            for (index, attribute) in rdn.iter().enumerate() {
                if index > 0 {
                    f.write_char('+')?;
                }
                write_attribute(f, attribute)?;
            }
        }
        Ok(())
    }
}

type Rdn = SetOfVec<AttributeTypeAndValue>;

fn attribute(field: &'static str, oid: ObjectIdentifier, text: &str) -> Result<Rdn, NameError> {
    let length = text.chars().count();
    if length == 0 {
        return Err(NameError::Empty { field });
    }
    if length > ATTRIBUTE_MOST {
        return Err(NameError::TooLong { field, length });
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::ControlCharacter { field });
    }
    let value = directory_string(text).map_err(|_| NameError::Malformed)?;
    SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).map_err(|_| NameError::Malformed)
}

fn directory_string(text: &str) -> Result<Any, der::Error> {
    match PrintableStringRef::new(text) {
        Ok(printable) => Any::encode_from(&printable),
        Err(_) => Any::encode_from(&Utf8StringRef::new(text)?),
    }
}

fn write_attribute(f: &mut fmt::Formatter<'_>, attribute: &AttributeTypeAndValue) -> fmt::Result {
    let short_name = oid::attribute_short_name(&attribute.oid);
    if let (Some(name), Some(text)) = (short_name, text_of(&attribute.value)) {
        write!(f, "{name}=")?;
        return write_escaped(f, &text);
    }
    write!(f, "{}=#", attribute.oid)?;
    let der = attribute.value.to_der().map_err(|_| fmt::Error)?;
    der.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn text_of(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::PrintableString | Tag::Utf8String | Tag::Ia5String => {
            std::str::from_utf8(value.value()).ok().map(str::to_owned)
        }
        Tag::BmpString => value.decode_as::<BmpString>().ok().map(|text| text.to_string()),
        _ => None,
    }
}

/// X.680 section 41, as Go's `encoding/asn1` has it: `*` and `&` are let through in PrintableString.
fn is_readable_string(value: &Any) -> bool {
    let all = |allowed: fn(u8) -> bool| value.value().iter().all(|byte| allowed(*byte));
    match value.tag() {
        Tag::PrintableString => {
            all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(&byte))
        }
        Tag::NumericString => all(|byte| byte.is_ascii_digit() || byte == b' '),
        Tag::Ia5String => all(|byte| byte.is_ascii()),
        Tag::Utf8String => std::str::from_utf8(value.value()).is_ok(),
        Tag::BmpString => value.decode_as::<BmpString>().is_ok(),
        Tag::TeletexString => true,
        _ => false,
    }
}

/// RFC 4514 section 2.4, and hexadecimal pairs for what a terminal must not obey.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            ' ' if index == 0 || index == last => f.write_str("\\ ")?,
            '#' if index == 0 => f.write_str("\\#")?,
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
            _ if is_invisible(character) => {
                let mut octets = [0; 4];
                for octet in character.encode_utf8(&mut octets).bytes() {
                    write!(f, "\\{octet:02X}")?;
                }
            }
            _ => f.write_char(character)?,
        }
    }
    Ok(())
}

/// Control characters, and those that change the direction or the width of what follows.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
