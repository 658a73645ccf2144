//! What names of objects and keys of their data must look like, beyond the syntax of labels and subdomains.

use apiserver_object::names::{label, most_characters, subdomain};

use crate::kind::NameRule;

const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                          'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// What is wrong with a key of a Secret or ConfigMap.
pub(crate) fn config_key(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 253 {
        faults.push(most_characters(253));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.is_empty() || !text.bytes().all(allowed) {
        faults.push(CONFIG_KEY.to_owned());
    }
    match text {
        "." => faults.push("must not be '.'".to_owned()),
        ".." => faults.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => faults.push("must not start with '..'".to_owned()),
        _ => {}
    }
    faults
}

/// What is wrong with a name that becomes a segment of a path; a prefix may be `.` or `..`, as more comes after it.
pub(crate) fn path_segment(text: &str, prefix: bool) -> Vec<String> {
    if !prefix && matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let forbidden = ['/', '%'].into_iter().filter(|&sign| text.contains(sign));
    forbidden.map(|sign| format!("may not contain '{sign}'")).collect()
}

/// What is wrong with the name of a port (`IsValidPortName`).
pub(crate) fn port_name(text: &str) -> Vec<String> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let faults = [
        (text.len() > 15, most_characters(15)),
        (
            text.is_empty() || !text.bytes().all(known),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        ),
        (
            !text.bytes().any(|byte| byte.is_ascii_lowercase()),
            "must contain at least one letter (a-z)".to_owned(),
        ),
        (text.contains("--"), "must not contain consecutive hyphens".to_owned()),
        (
            text.starts_with('-') || text.ends_with('-'),
            "must not begin or end with a hyphen".to_owned(),
        ),
    ];
    faults.into_iter().filter(|(broken, _)| *broken).map(|(_, fault)| fault).collect()
}

/// What is wrong with an object's name. `prefix` is true for a `generateName`, which may end in a dash.
pub(crate) fn object_name(rule: NameRule, name: &str, prefix: bool) -> Vec<String> {
    if rule == NameRule::PathSegment {
        return path_segment(name, prefix);
    }
    let masked = if prefix { mask_trailing_dash(name) } else { None };
    let name = masked.as_deref().unwrap_or(name);
    match rule {
        NameRule::Label => label(name),
        _ => subdomain(name),
    }
}

/// As the API server does: the last two characters become an `a`, as a dash in the end will be followed by more.
fn mask_trailing_dash(name: &str) -> Option<String> {
    let stem = name.strip_suffix('-').filter(|stem| !stem.is_empty())?;
    let last = stem.chars().next_back()?;
    stem.strip_suffix(last).map(|stem| format!("{stem}a"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_name_may_end_in_a_dash() {
        assert!(object_name(NameRule::Subdomain, "web-", true).is_empty());
        assert!(!object_name(NameRule::Subdomain, "web-", false).is_empty());
        assert!(!object_name(NameRule::Subdomain, "Web-", true).is_empty());
    }

    #[test]
    fn path_segments_have_no_slash() {
        assert!(path_segment("system:node", false).is_empty());
        assert_eq!(path_segment("a/b%", false), ["may not contain '/'", "may not contain '%'"]);
        assert_eq!(path_segment("..", false), ["may not be '..'"]);
    }
}
