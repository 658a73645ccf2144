//! Host names and names of Kubernetes objects.

use std::sync::LazyLock;

use regex::Regex;

/// RFC 1034 with letters and symbols of all scripts, at most 255 octets, 63 in a label.
pub(super) fn is_hostname(text: &str) -> bool {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let letter = r"a-zA-Z0-9\p{S}\p{L}";
        let one = format!(r"[{letter}](?:-?[{letter}]{{0,62}})?");
        let label = format!(r"[{letter}](?:[{letter}\-]{{0,61}}[{letter}])?\.");
        Regex::new(&format!(r"^(?:{one}|(?:{label})+[a-zA-Z\p{{L}}]{{2,63}})$")).ok()
    });
    text.len() <= 255
        && text.split('.').all(|label| label.len() <= 63)
        && PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// A DNS label in lower case.
pub(super) fn is_short_name(text: &str) -> bool {
    text.len() <= 63 && is_label(text)
}

/// Labels in lower case with dots between them, 253 characters at most.
pub(super) fn is_long_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let inner =
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    inner && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}
