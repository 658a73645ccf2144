//! Times: `meta.Time`, `meta.MicroTime` and their JSON form.

use jiff::Timestamp;
use serde_json::Value;

use crate::wire::{Reader, WireError};

/// Seconds from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, the times of RFC 3339 (section 1).
const YEARS_1_TO_9999: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A time as the wire has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WireTime {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: i64,
}

impl WireTime {
    /// Nothing for an empty message, which is how the zero time is written.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>, WireError> {
        let (mut time, mut reader) = (Self::default(), Reader::new(bytes));
        while let Some((number, payload)) = reader.field()? {
            match number {
                1 => time.seconds = payload.signed(1)?,
                2 => time.nanoseconds = payload.signed(2)?,
                _ => {}
            }
        }
        Ok(Some(time).filter(|_| !bytes.is_empty()))
    }

    /// RFC 3339 in UTC, in whole seconds: the API has no finer `meta.Time`.
    pub(crate) fn whole_seconds(self) -> Option<Value> {
        let time = Timestamp::from_second(self.seconds).ok();
        time.filter(|_| self.is_in_range()).map(|time| Value::String(time.to_string()))
    }

    /// RFC 3339 in UTC with six digits of the second.
    pub(crate) fn microseconds(self) -> Option<Value> {
        let nanoseconds = i32::try_from(self.nanoseconds)
            .ok()
            .filter(|nanos| (0..1_000_000_000).contains(nanos))?;
        // Cut off, not rounded.
        let time = Timestamp::new(self.seconds, nanoseconds / 1000 * 1000).ok();
        time.filter(|_| self.is_in_range()).map(|time| Value::String(format!("{time:.6}")))
    }

    fn is_in_range(self) -> bool {
        YEARS_1_TO_9999.contains(&self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn time(seconds: i64, nanoseconds: i64) -> WireTime {
        WireTime { seconds, nanoseconds }
    }

    #[test]
    fn a_time_is_written_in_whole_seconds() {
        assert_eq!(
            time(1_700_000_000, 999_999_999).whole_seconds().unwrap(),
            "2023-11-14T22:13:20Z"
        );
        assert_eq!(time(0, 0).whole_seconds().unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(time(-62_135_596_800, 0).whole_seconds().unwrap(), "0001-01-01T00:00:00Z");
    }

    #[test]
    fn a_micro_time_is_written_with_six_digits() {
        assert_eq!(time(1_700_000_000, 0).microseconds().unwrap(), "2023-11-14T22:13:20.000000Z");
        assert_eq!(
            time(1_700_000_000, 123_456_789).microseconds().unwrap(),
            "2023-11-14T22:13:20.123456Z"
        );
        assert_eq!(time(-1, 999_999_999).microseconds().unwrap(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_time_that_rfc_3339_cannot_say_is_none() {
        for seconds in [i64::MIN, -62_135_596_801, 253_402_300_800, i64::MAX] {
            assert!(time(seconds, 0).whole_seconds().is_none(), "{seconds}");
            assert!(time(seconds, 0).microseconds().is_none(), "{seconds}");
        }
        assert!(time(0, -1).microseconds().is_none());
        assert!(time(0, 1_000_000_000).microseconds().is_none());
    }
}
