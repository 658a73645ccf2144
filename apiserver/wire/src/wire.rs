//! The wire format of protobuf: a message is a sequence of numbered fields
//! (<https://protobuf.dev/programming-guides/encoding/>).

/// Why bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field's value, or a number that precedes it, goes on after the end of the message.
    #[error("the message ends in the middle of a field")]
    Truncated,
    /// A variable-length number takes more than ten bytes, or more than 64 bits.
    #[error("a number is longer than 64 bits")]
    Number,
    /// Field numbers are 1 to 2^29 - 1.
    #[error("{0} is no field number")]
    FieldNumber(u64),
    /// Wire types are 0 to 5.
    #[error("field {field} has wire type {wire_type}, which does not exist")]
    WireType {
        /// The number of the field.
        field: u32,
        /// The wire type.
        wire_type: u8,
    },
    /// A group ends that did not begin, or ends with another number.
    #[error("the group of field {0} ends without a beginning")]
    Group(u32),
    /// The table says another form for this field.
    #[error("field {field} is of wire type {found}; it must be {wanted}")]
    Form {
        /// The number of the field.
        field: u32,
        /// What the message has.
        found: &'static str,
        /// What the message must have.
        wanted: &'static str,
    },
}

/// A field's value as the wire has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
    Group,
}

impl Payload<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Varint(_) => "varint",
            Self::Fixed64(_) => "64-bit",
            Self::Bytes(_) => "length-delimited",
            Self::Fixed32 => "32-bit",
            Self::Group => "group",
        }
    }

    fn is_no(self, field: u32, wanted: &'static str) -> WireError {
        WireError::Form { field, found: self.name(), wanted }
    }
}

impl<'a> Payload<'a> {
    /// A number, a boolean or an enumerated value of field number `field`.
    pub(crate) fn varint(self, field: u32) -> Result<u64, WireError> {
        if let Self::Varint(value) = self { Ok(value) } else { Err(self.is_no(field, "varint")) }
    }

    /// A signed number; a negative one is 64 bits wide on the wire, whatever its type.
    pub(crate) fn signed(self, field: u32) -> Result<i64, WireError> {
        Ok(self.varint(field)?.cast_signed())
    }

    /// A floating-point number.
    pub(crate) fn double(self, field: u32) -> Result<f64, WireError> {
        if let Self::Fixed64(bits) = self {
            Ok(f64::from_bits(bits))
        } else {
            Err(self.is_no(field, "64-bit"))
        }
    }

    /// A string, bytes, a message or a packed list.
    pub(crate) fn bytes(self, field: u32) -> Result<&'a [u8], WireError> {
        if let Self::Bytes(bytes) = self {
            Ok(bytes)
        } else {
            Err(self.is_no(field, "length-delimited"))
        }
    }
}

/// Reads the fields of one message, in the order in which they were written. It allocates nothing.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, or nothing at the end of the message.
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Payload<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let payload = match wire_type {
            3 => self.skip_group(number)?,
            4 => return Err(WireError::Group(number)),
            _ => self.payload(number, wire_type)?,
        };
        Ok(Some((number, payload)))
    }

    /// The next number of a packed list, or nothing at its end.
    pub(crate) fn packed(&mut self) -> Result<Option<Payload<'a>>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.varint().map(|value| Some(Payload::Varint(value)))
    }

    fn tag(&mut self) -> Result<(u32, u8), WireError> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let wire_type = u8::try_from(tag & 7).unwrap_or_default();
        Ok((number.ok_or(WireError::FieldNumber(tag >> 3))?, wire_type))
    }

    fn payload(&mut self, field: u32, wire_type: u8) -> Result<Payload<'a>, WireError> {
        match wire_type {
            0 => self.varint().map(Payload::Varint),
            1 => self.array().map(|bytes| Payload::Fixed64(u64::from_le_bytes(bytes))),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                let (bytes, rest) =
                    self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
                self.rest = rest;
                Ok(Payload::Bytes(bytes))
            }
            5 => self.array::<4>().map(|_| Payload::Fixed32),
            _ => Err(WireError::WireType { field, wire_type }),
        }
    }

    /// Kubernetes has no groups; one can only be an unknown field. Groups nest, which is counted instead of recursing:
    /// the end of an inner group may have any number.
    fn skip_group(&mut self, field: u32) -> Result<Payload<'a>, WireError> {
        let mut open = 1_usize;
        loop {
            match self.tag()? {
                (_, 3) => open += 1,
                (number, 4) if open == 1 && number != field => {
                    return Err(WireError::Group(number));
                }
                (_, 4) => open -= 1,
                (number, wire_type) => drop(self.payload(number, wire_type)?),
            }
            if open == 0 {
                return Ok(Payload::Group);
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
            self.rest = rest;
            if shift == 63 && byte > 1 {
                return Err(WireError::Number);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &[u8]) -> Result<Vec<(u32, Payload<'_>)>, WireError> {
        let mut reader = Reader::new(message);
        let mut fields = Vec::new();
        while let Some(field) = reader.field()? {
            fields.push(field);
        }
        Ok(fields)
    }

    #[test]
    fn every_wire_type_is_read() {
        let message =
            b"\x08\x96\x01\x11\x01\0\0\0\0\0\0\0\x1a\x02hi\x25\0\0\0\0\x2b\x33\x08\x01\x34\x2c";
        let expected = vec![
            (1, Payload::Varint(150)),
            (2, Payload::Fixed64(1)),
            (3, Payload::Bytes(b"hi")),
            (4, Payload::Fixed32),
            (5, Payload::Group),
        ];
        assert_eq!(fields(message), Ok(expected));
    }

    #[test]
    fn a_negative_number_takes_ten_bytes() {
        let (_, payload) = fields(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").unwrap()[0];
        assert_eq!(payload.signed(1), Ok(-1));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (message, error) in [
            (b"\x08".as_slice(), WireError::Truncated),
            (b"\x08\x80", WireError::Truncated),
            (b"\x1a\x03hi", WireError::Truncated),
            (b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hi", WireError::Truncated),
            (b"\x11\x01\0\0\0\0\0\0", WireError::Truncated),
            (b"\x25\0\0\0", WireError::Truncated),
            (b"\x0b\x08\x01", WireError::Truncated),
            (b"\x0b\x14", WireError::Group(2)),
            (b"\x0c", WireError::Group(1)),
            (b"\x02\0", WireError::FieldNumber(0)),
            (b"\x0e", WireError::WireType { field: 1, wire_type: 6 }),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", WireError::Number),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", WireError::Number),
        ] {
            assert_eq!(fields(message), Err(error), "{message:02x?}");
        }
    }

    #[test]
    fn a_payload_of_another_form_is_refused() {
        let wanted = WireError::Form { field: 7, found: "varint", wanted: "length-delimited" };
        assert_eq!(Payload::Varint(1).bytes(7), Err(wanted));
        assert!(Payload::Fixed32.varint(7).is_err());
        assert!(Payload::Group.double(7).is_err());
    }
}
