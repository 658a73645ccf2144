//! Times as the API writes them, and ages as tables show them.

use jiff::Timestamp;

/// RFC 3339 in UTC without a fraction.
pub(crate) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// The time since `time` as tables show it; `<unknown>` for an empty one, `<invalid>` for one in the future or that
/// is no time.
pub(crate) fn age(time: &str, now: Timestamp) -> String {
    if time.is_empty() {
        return "<unknown>".to_owned();
    }
    time.parse::<Timestamp>()
        .map_or_else(|_| "<invalid>".to_owned(), |then| elapsed(now.as_second() - then.as_second()))
}

/// A duration in a few signs (`k8s.io/apimachinery/pkg/util/duration`, `HumanDuration`): two units while the larger is small.
pub(crate) fn elapsed(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let with = |amount: i64, unit: char, rest: i64, small: char| {
        if rest == 0 { format!("{amount}{unit}") } else { format!("{amount}{unit}{rest}{small}") }
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => with(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => with(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 24 * 8 => with(hours / 24, 'd', hours % 24, 'h'),
        () if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        () if hours < 24 * 365 * 8 => with(hours / 24 / 365, 'y', (hours / 24) % 365, 'd'),
        () => format!("{}y", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units_while_it_is_small() {
        let cases = [
            (-5, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (3 * 3600 - 1, "179m"),
            (3 * 3600, "3h"),
            (7 * 3600 + 61, "7h1m"),
            (47 * 3600, "47h"),
            (49 * 3600, "2d1h"),
            (10 * 86_400, "10d"),
            (800 * 86_400, "2y70d"),
            (9 * 365 * 86_400, "9y"),
        ];
        for (seconds, wanted) in cases {
            assert_eq!(elapsed(seconds), wanted, "{seconds}");
        }
    }
}
