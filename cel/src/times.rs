//! Timestamps and durations as text.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// RFC 3339, in the range that the language allows (years 1 to 9999).
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let shape =
        text.len() >= 20 && matches!(text.as_bytes()[10], b'T' | b't') && !text.contains('[');
    text.parse::<Timestamp>().ok().filter(|_| shape)
}

/// A `date-time` or `date` of OpenAPI.
pub(crate) fn parse_any_timestamp(text: &str) -> Option<Timestamp> {
    parse_timestamp(text).or_else(|| {
        let date: Date = Some(text).filter(|text| text.len() == 10)?.parse().ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// Nanoseconds of a Go duration: `1h30m`, `-1.5s`.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let length = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let unit = UNITS.iter().find(|(name, _)| *name == &tail[..length])?.1;
        total += nanoseconds(number, unit)?;
        rest = &tail[length..];
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn nanoseconds(number: &str, unit: f64) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
    #[allow(clippy::cast_possible_truncation)]
    let unit_whole = unit as i128;
    let part = format!("0.{fraction}0").parse::<f64>().ok()? * unit;
    #[allow(clippy::cast_possible_truncation)]
    let part = part.round() as i128;
    Some(whole * unit_whole + part)
}

/// A `duration` of OpenAPI: a Go duration, or words (`3 days`).
pub(crate) fn parse_any_duration(text: &str) -> Option<i64> {
    parse_duration(text).or_else(|| {
        let (number, unit) = text.split_once(' ')?;
        let seconds: i64 = match unit.trim().trim_end_matches('s') {
            "hour" | "hr" | "h" => 3600,
            "minute" | "min" | "m" => 60,
            "second" | "sec" => 1,
            "day" | "d" => 86_400,
            "week" | "wk" | "w" => 604_800,
            _ => return None,
        };
        number.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(1_000_000_000)
    })
}

/// A timestamp as the language prints it.
pub(crate) fn timestamp_text(time: Timestamp) -> String {
    time.to_string()
}

/// A duration as the language prints it: seconds, `1.5s`.
pub(crate) fn duration_text(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let (whole, part) = (magnitude / 1_000_000_000, magnitude % 1_000_000_000);
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let part = if part == 0 {
        String::new()
    } else {
        format!(".{part:09}").trim_end_matches('0').to_owned()
    };
    format!("{sign}{whole}{part}s")
}

/// A time in a zone: a name of the time zone database, or an offset `+01:30`; UTC without one.
pub(crate) fn in_zone(time: Timestamp, zone: Option<&str>) -> Result<Zoned, String> {
    let zone = match zone {
        None | Some("" | "UTC") => TimeZone::UTC,
        Some(name) => offset(name).map_or_else(
            || TimeZone::get(name).map_err(|_| format!("unknown time zone {name}")),
            Ok,
        )?,
    };
    Ok(time.to_zoned(zone))
}

fn offset(name: &str) -> Option<TimeZone> {
    let (hours, minutes) = name.split_once(':')?;
    let negative = hours.starts_with('-');
    let hours: i32 = hours.trim_start_matches(['-', '+']).parse().ok()?;
    let minutes: i32 = minutes.parse().ok().filter(|minutes| (0..60).contains(minutes))?;
    let seconds = (hours * 60 + minutes) * 60;
    let offset = jiff::tz::Offset::from_seconds(if negative { -seconds } else { seconds }).ok()?;
    Some(TimeZone::fixed(offset))
}

/// A timestamp moved by nanoseconds, within the range of the language.
pub(crate) fn moved(time: Timestamp, nanoseconds: i64) -> Option<Timestamp> {
    time.checked_add(SignedDuration::from_nanos(nanoseconds)).ok()
}
