//! Dates, times and durations.

/// `2006-01-02`, a day that exists.
pub(super) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    match (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..])) {
        (Some(year), Some(month), Some(day)) => day >= 1 && day <= days_in(year, month),
        _ => false,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let digit = |number: u32, byte: &u8| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    };
    digits.iter().try_fold(0, digit)
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    }
}

/// A date and a time with an offset (RFC 3339), in either case; what follows a second `t` is not looked at.
pub(super) fn is_date_time(text: &str) -> bool {
    let mut parts = text.split(['t', 'T']);
    match (parts.next(), parts.next()) {
        (Some(date), Some(time)) => is_date(date) && is_time(time.as_bytes()),
        _ => false,
    }
}

fn is_time(bytes: &[u8]) -> bool {
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = bytes else { return false };
    let within = |first: &u8, second: &u8, most: u32| {
        number(&[*first, *second]).is_some_and(|value| value <= most)
    };
    if !(within(h1, h2, 23) && within(m1, m2, 59) && within(s1, s2, 59)) {
        return false;
    }
    // Any character may stand before the fraction.
    let fraction = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    is_offset(rest) || (fraction > 0 && is_offset(&rest[1 + fraction..]))
}

fn is_offset(bytes: &[u8]) -> bool {
    match bytes {
        [b'z' | b'Z'] => true,
        [b'+' | b'-', digits @ ..] => {
            matches!(digits, [h1, h2, b':', m1, m2] if [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit))
        }
        _ => false,
    }
}

/// A duration of Go (`1h30m`), or any text that has a number with a unit somewhere (`3 days`).
pub(super) fn is_duration(text: &str) -> bool {
    is_go_duration(text) || has_quantity(text)
}

/// `time.ParseDuration`, but for durations that are too long, which the looser reading accepts.
fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        let fraction = after.strip_prefix('.').unwrap_or(after);
        let after = fraction.trim_start_matches(|character: char| {
            character.is_ascii_digit() && fraction.len() < after.len()
        });
        if !rest[..rest.len() - after.len()].contains(|character: char| character.is_ascii_digit())
        {
            return false;
        }
        let end = after
            .find(|character: char| character == '.' || character.is_ascii_digit())
            .unwrap_or(after.len());
        if !matches!(&after[..end], "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h") {
            return false;
        }
        rest = &after[end..];
    }
    true
}

fn has_quantity(text: &str) -> bool {
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let digits = &rest[start..];
        let after = digits.trim_start_matches(|character: char| character.is_ascii_digit());
        let count = &digits[..digits.len() - after.len()];
        let unit = after.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
        let end = unit
            .find(|character: char| !(character.is_ascii_alphabetic() || character == 'µ'))
            .unwrap_or(unit.len());
        rest = if end == 0 { after } else { &unit[end..] };
        if end == 0 {
            continue;
        }
        if count.parse::<i64>().is_err() {
            return false;
        }
        found |= is_unit(&unit[..end].to_lowercase());
    }
    found
}

fn is_unit(unit: &str) -> bool {
    const EXACT: [&str; 12] = ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk", "sec"];
    const BEGINNINGS: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    EXACT.contains(&unit) || BEGINNINGS.iter().any(|beginning| unit.starts_with(beginning))
}
