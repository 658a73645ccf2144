//! Serial numbers of certificates.

use std::fmt;

/// A certificate's serial number: a non-negative integer, printed as lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// Wraps the content octets of a DER INTEGER that is not negative.
    pub(crate) fn from_integer_octets(octets: &[u8]) -> Self {
        let leading = octets.iter().take_while(|octet| **octet == 0).count();
        Self(octets[leading..].to_vec())
    }

    /// From the octets of a positive number, big-endian.
    pub fn new(octets: &[u8]) -> Self {
        Self::from_integer_octets(octets)
    }

    /// Big-endian value without leading zeros; empty for zero.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the number is zero, which RFC 5280 section 4.1.2.2 forbids for new certificates.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("00");
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}
