//! Times as people say them.

use jiff::{SignedDuration, Timestamp};

/// How long ago, in the largest unit that keeps two digits or more: `45s`, `5m`, `30h`, `12d`, `3y`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    short(now.duration_since(then))
}

/// A length of time in one unit. Negative ones read as `0s`.
pub fn short(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        172_800..63_072_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// A time and how far away it is: `2027-01-01 00:00 UTC (in 37d)`, `… (3h ago)`.
pub fn with_distance(time: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", date(time), distance(time, now))
}

/// `in 37d`, `3h ago`.
pub fn distance(time: Timestamp, now: Timestamp) -> String {
    if time > now {
        format!("in {}", short(time.duration_since(now)))
    } else {
        format!("{} ago", age(time, now))
    }
}

/// A time to the minute, in UTC.
pub fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_said_in_one_unit() {
        let cases = [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_199, "119m"),
            (7_200, "2h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (31_536_000, "365d"),
            (63_072_000, "2y"),
        ];
        for (seconds, text) in cases {
            assert_eq!(short(SignedDuration::from_secs(seconds)), text, "{seconds}");
        }
    }

    #[test]
    fn a_time_says_whether_it_is_past() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-12-24T08:00:00Z".parse().unwrap();
        assert_eq!(with_distance(later, now), "2026-12-24 08:00 UTC (in 30d)");
        assert_eq!(with_distance(now, later), "2026-11-24 08:00 UTC (30d ago)");
    }
}
