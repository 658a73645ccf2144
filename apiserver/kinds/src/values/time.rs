//! Times as Go's `time.Parse` reads them: hours of one digit, fractions after a comma, and any offset.

use apiserver_object::go_text::quoted;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
const MICROSECONDS: &str = "2006-01-02T15:04:05.000000Z07:00";

/// The time as it is stored: in UTC, in whole seconds or with six digits of a second. Go writes null for the first moment
/// of the first year.
pub(super) fn canonical(text: &str, micro: bool) -> Result<Value, String> {
    let layout = if micro { MICROSECONDS } else { SECONDS };
    let time = Reader { rest: text, micro }.time().map_err(|fault| match fault {
        Fault::Expected(rest, element) => format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(text),
            quoted(layout),
            quoted(rest),
            quoted(element)
        ),
        Fault::Range(part) => format!("parsing time {}: {part} out of range", quoted(text)),
        Fault::Extra(rest) => {
            format!("parsing time {}: extra text: {}", quoted(text), quoted(rest))
        }
    })?;
    if time.as_nanosecond() == i128::from(FIRST_SECOND) * 1_000_000_000 {
        return Ok(Value::Null);
    }
    let whole = i64::try_from(time.as_nanosecond().div_euclid(1_000_000_000)).unwrap_or_default();
    let seconds = Timestamp::from_second(whole).unwrap_or(time);
    Ok(if micro { format!("{time:.6}").into() } else { seconds.to_string().into() })
}

/// 0001-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_135_596_800;

enum Fault<'a> {
    /// What is left of the text is not what comes next in the layout.
    Expected(&'a str, &'static str),
    Range(&'static str),
    Extra(&'a str),
}

struct Reader<'a> {
    rest: &'a str,
    micro: bool,
}

impl<'a> Reader<'a> {
    fn time(mut self) -> Result<Timestamp, Fault<'a>> {
        let year = self.number(4, "2006")?;
        self.sign('-', "-")?;
        let month = self.number(2, "01")?;
        within(month, 1, 12, "month")?;
        self.sign('-', "-")?;
        let day = self.number(2, "02")?;
        self.sign('T', "T")?;
        let hour = self.hour()?;
        within(hour, 0, 23, "hour")?;
        self.sign(':', ":")?;
        let minute = self.number(2, "04")?;
        within(minute, 0, 59, "minute")?;
        self.sign(':', ":")?;
        let second = self.number(2, "05")?;
        within(second, 0, 59, "second")?;
        let nanosecond = self.fraction()?;
        let offset = self.offset()?;
        if !self.rest.is_empty() {
            return Err(Fault::Extra(self.rest));
        }
        let small = |number: i64| i8::try_from(number).unwrap_or(-1);
        let year = i16::try_from(year).unwrap_or(-1);
        let date = Date::new(year, small(month), small(day)).map_err(|_| Fault::Range("day"))?;
        let time = Time::new(small(hour), small(minute), small(second), nanosecond)
            .map_err(|_| Fault::Range("second"))?;
        DateTime::from_parts(date, time)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .and_then(|local| local.timestamp().checked_sub(SignedDuration::from_mins(offset)))
            .map_err(|_| Fault::Range("year"))
    }

    fn number(&mut self, digits: usize, element: &'static str) -> Result<i64, Fault<'a>> {
        let number =
            self.rest.get(..digits).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = number.and_then(|text| text.parse().ok());
        let number = number.ok_or(Fault::Expected(self.rest, element))?;
        self.rest = &self.rest[digits..];
        Ok(number)
    }

    fn sign(&mut self, sign: char, element: &'static str) -> Result<(), Fault<'a>> {
        self.rest = self.rest.strip_prefix(sign).ok_or(Fault::Expected(self.rest, element))?;
        Ok(())
    }

    fn hour(&mut self) -> Result<i64, Fault<'a>> {
        let two = self.rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        self.number(if two { 2 } else { 1 }, "15")
    }

    /// Nanoseconds. A time with microseconds has six digits; in one without, there may be any number of digits.
    fn fraction(&mut self) -> Result<i32, Fault<'a>> {
        let after = self.rest.strip_prefix(['.', ',']).unwrap_or_default();
        let found = after.bytes().take_while(u8::is_ascii_digit).count();
        let digits = match (self.micro, found) {
            (true, 0..6) => return Err(Fault::Expected(self.rest, ".000000")),
            (true, _) => 6,
            (false, found) => found,
        };
        if digits > 0 {
            self.rest = &after[digits..];
        }
        Ok(format!("{:0<9.9}", &after[..digits]).parse().unwrap_or(0))
    }

    /// Minutes east of Greenwich.
    fn offset(&mut self) -> Result<i64, Fault<'a>> {
        const ELEMENT: &str = "Z07:00";
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let wrong = Fault::Expected(self.rest, ELEMENT);
        let west = self.rest.starts_with('-');
        let Some(rest) = self.rest.strip_prefix(['+', '-']) else { return Err(wrong) };
        self.rest = rest;
        let read = |reader: &mut Self| {
            let hours = reader.number(2, ELEMENT)?;
            reader.sign(':', ELEMENT)?;
            Ok((hours, reader.number(2, ELEMENT)?))
        };
        let (hours, minutes) = read(self).map_err(|_: Fault<'_>| wrong)?;
        within(hours, 0, 24, "time zone offset hour")?;
        within(minutes, 0, 60, "time zone offset minute")?;
        let offset = hours * 60 + minutes;
        Ok(if west { -offset } else { offset })
    }
}

fn within<'a>(number: i64, least: i64, most: i64, part: &'static str) -> Result<(), Fault<'a>> {
    if (least..=most).contains(&number) { Ok(()) } else { Err(Fault::Range(part)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_stored_in_utc() {
        for (text, micro, stored) in [
            ("2026-01-01T01:00:00+01:00", false, "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00.75Z", false, "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00,5Z", false, "2026-01-01T00:00:00Z"),
            ("2026-01-01T1:00:00Z", false, "2026-01-01T01:00:00Z"),
            ("2026-01-01T00:00:00+24:00", false, "2025-12-31T00:00:00Z"),
            ("1960-01-01T00:00:00.9Z", false, "1960-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00.123456-00:30", true, "2026-01-01T00:30:00.123456Z"),
            ("2026-01-01T00:00:00,500000Z", true, "2026-01-01T00:00:00.500000Z"),
        ] {
            assert_eq!(canonical(text, micro), Ok(stored.into()), "{text}");
        }
        assert_eq!(canonical("0001-01-01T00:00:00Z", false), Ok(Value::Null));
    }

    /// The words are those of Go 1.26.
    #[test]
    fn what_go_does_not_read_is_refused_in_its_words() {
        let cannot = |rest: &str, element: &str| format!(": cannot parse {rest:?} as {element:?}");
        for (text, micro, said) in [
            ("", false, cannot("", "2006")),
            ("2026", false, cannot("", "-")),
            ("2026-01-01", false, cannot("", "T")),
            ("2026-01-01t00:00:00Z", false, cannot("t00:00:00Z", "T")),
            ("2026-01-01T00:00:00z", false, cannot("z", "Z07:00")),
            ("2026-01-01T00:00:00.Z", false, cannot(".Z", "Z07:00")),
            ("2026-01-01T1:0:00Z", false, cannot("0:00Z", "04")),
            ("2026-01-01T00:00:00", true, cannot("", ".000000")),
            ("2026-01-01T00:00:00.1Z", true, cannot(".1Z", ".000000")),
            ("2026-01-01T00:00:00.1234567Z", true, cannot("7Z", "Z07:00")),
        ] {
            let layout = if micro { MICROSECONDS } else { SECONDS };
            let said = format!("parsing time {text:?} as {layout:?}{said}");
            assert_eq!(canonical(text, micro), Err(said));
        }
        for (text, part) in [
            ("2026-13-01T00:00:00Z", "month"),
            ("2026-02-30T00:00:00Z", "day"),
            ("2026-01-01T24:00:00Z", "hour"),
            ("2026-01-01T00:00:60Z", "second"),
            ("2026-01-01T00:00:00+25:00", "time zone offset hour"),
        ] {
            let said = format!("parsing time {text:?}: {part} out of range");
            assert_eq!(canonical(text, false), Err(said));
        }
        let said = "parsing time \"2026-01-01T00:00:00Zx\": extra text: \"x\"";
        assert_eq!(canonical("2026-01-01T00:00:00Zx", false), Err(said.to_owned()));
    }
}
