//! Lengths of time as people type them.

use jiff::SignedDuration;

/// Reads a length of time such as `24h`, `90m`, `30s`, `1h30m`; days are spelled in hours.
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let duration: SignedDuration = text
        .parse()
        .map_err(|_| format!("{text:?} is not a length of time; write 30s, 90m or 24h"))?;
    if duration > SignedDuration::ZERO {
        Ok(duration)
    } else {
        Err(format!("{text:?} is too short; it must be more than zero"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_read_with_its_unit_only() {
        assert_eq!(parse_duration("24h").unwrap(), SignedDuration::from_hours(24));
        assert_eq!(parse_duration("1h30m").unwrap(), SignedDuration::from_mins(90));
        for wrong in ["24", "", "0s", "-1h", "soon"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
