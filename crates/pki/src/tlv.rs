//! A look at the frame of DER before any type is read: lengths, nesting, and exact slices.

use der::{Decode, Header, Reader, SliceReader};

/// Deeper nesting than any real request or certificate has; a bound, not a target.
const MAX_NESTING: usize = 24;

/// X.680 type 28, of which the `der` crate does not know the tag.
const UNIVERSAL_STRING: u8 = 0x1c;

/// Why bytes are no single, well-framed DER value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// A header is broken, has an indefinite or non-minimal length, or runs past the end.
    #[error("the DER is broken at byte {offset}")]
    Broken {
        /// Where, counted from the start.
        offset: usize,
    },
    /// A string of a type that nothing here, and no peer, reads.
    #[error("the DER has a UniversalString at byte {offset}, which is not read; use UTF8String")]
    UniversalString {
        /// Where, counted from the start.
        offset: usize,
    },
    /// Bytes follow the value.
    #[error("{} the end of the DER value; remove what follows", bytes_after(*count))]
    Trailing {
        /// How many.
        count: usize,
    },
    /// Values are nested too deeply.
    #[error("the DER is nested more than {MAX_NESTING} levels deep at byte {offset}")]
    Nesting {
        /// Where, counted from the start.
        offset: usize,
    },
}

/// Checks that `der` is exactly one value, and each constructed value within is well framed.
///
/// It walks with an explicit stack, so hostile nesting cannot exhaust the thread's.
pub(crate) fn check_frame(der: &[u8]) -> Result<(), TlvError> {
    let (header_length, length) = read_header(der, 0)?;
    let end = header_length + length;
    if end < der.len() {
        return Err(TlvError::Trailing { count: der.len() - end });
    }
    // Ends of the constructed values that enclose `offset`.
    let mut enclosing = Vec::with_capacity(MAX_NESTING);
    let mut offset = 0;
    while offset < der.len() {
        while enclosing.last() == Some(&offset) {
            enclosing.pop();
        }
        let limit = enclosing.last().copied().unwrap_or(der.len());
        let (header_length, length) = read_header(&der[..limit], offset)?;
        let constructed = der[offset] & 0b0010_0000 != 0;
        offset += header_length;
        if constructed && length > 0 {
            if enclosing.len() == MAX_NESTING {
                return Err(TlvError::Nesting { offset });
            }
            enclosing.push(offset + length);
        } else {
            offset += length;
        }
    }
    Ok(())
}

fn bytes_after(count: usize) -> String {
    if count == 1 { "1 byte is after".to_owned() } else { format!("{count} bytes are after") }
}

/// Length of the header of the value that `der` begins with.
pub(crate) fn header_length(der: &[u8]) -> Result<usize, TlvError> {
    read_header(der, 0).map(|(header_length, _)| header_length)
}

/// Splits the content of the constructed value in `der` into its members, each with its header.
pub(crate) fn members(der: &[u8]) -> Result<Vec<&[u8]>, TlvError> {
    let (header_length, length) = read_header(der, 0)?;
    members_of_content(&der[header_length..header_length + length])
}

/// Splits the content of a constructed value, without its header, into its members.
pub(crate) fn members_of_content(content: &[u8]) -> Result<Vec<&[u8]>, TlvError> {
    let mut members = Vec::new();
    let mut offset = 0;
    while offset < content.len() {
        let (header_length, length) = read_header(content, offset)?;
        let end = offset + header_length + length;
        members.push(&content[offset..end]);
        offset = end;
    }
    Ok(members)
}

/// Lengths of the header and the content of the value that starts at `offset`, both within `der`.
fn read_header(der: &[u8], offset: usize) -> Result<(usize, usize), TlvError> {
    let broken = TlvError::Broken { offset };
    let rest = der.get(offset..).ok_or(broken)?;
    if rest.first() == Some(&UNIVERSAL_STRING) {
        return Err(TlvError::UniversalString { offset });
    }
    let mut reader = SliceReader::new(rest).map_err(|_| broken)?;
    let header = Header::decode(&mut reader).map_err(|_| broken)?;
    let header_length = usize::try_from(reader.position()).map_err(|_| broken)?;
    let length = usize::try_from(header.length()).map_err(|_| broken)?;
    if length > rest.len() - header_length {
        return Err(broken);
    }
    Ok((header_length, length))
}
