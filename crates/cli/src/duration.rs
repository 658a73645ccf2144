//! Lengths of time as people type them.

use jiff::SignedDuration;

/// Reads a length of time such as `90d`, `24h`, `90m`, `30s`, `1h30m`; a day has 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u16>().ok());
    let duration: SignedDuration = match days {
        Some(days) => SignedDuration::from_hours(24 * i64::from(days)),
        None => text
            .parse()
            .map_err(|_| format!("{text:?} is not a length of time; write 30s, 90m, 24h or 90d"))?,
    };
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
        assert_eq!(parse_duration("90d").unwrap(), SignedDuration::from_hours(2160));
        for wrong in ["24", "0d", "d", "-1d", "1d2h", "", "0s", "-1h", "soon"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
