//! What names, labels and keys must look like (RFC 1123, RFC 1035, Kubernetes label syntax), said as the API server says it.

use crate::kind::NameRule;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
                     end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                         must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                          character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
                          validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const KEY_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                        character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                     start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
                     validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                          'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// As labels say it.
fn most_bytes(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

/// As names say it. Bytes are counted too, but names have only characters of one byte.
fn most_characters(most: usize) -> String {
    format!("must be no more than {most} characters")
}

const fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(|byte| is_lower(*byte)))
        && bytes.iter().all(|&byte| is_lower(byte) || byte == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_key_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// What is wrong with an RFC 1123 label.
pub(crate) fn label(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 63 {
        faults.push(most_characters(63));
    }
    if !is_label(text) {
        faults.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            LABEL.to_owned()
        });
    }
    faults
}

/// What is wrong with an RFC 1123 subdomain.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 253 {
        faults.push(most_characters(253));
    }
    if !is_subdomain(text) {
        faults.push(SUBDOMAIN.to_owned());
    }
    faults
}

/// What is wrong with an RFC 1035 label.
pub(crate) fn label_1035(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 63 {
        faults.push(most_characters(63));
    }
    if !is_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        faults.push(LABEL_1035.to_owned());
    }
    faults
}

/// What is wrong with a qualified name: label keys, finalizers, and annotation keys in lower case.
pub(crate) fn label_key(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                let wrong = subdomain(prefix).into_iter().map(|fault| {
                    if fault == most_characters(253) { most_bytes(253) } else { fault }
                });
                faults.extend(wrong.map(|fault| format!("prefix part {fault}")));
            }
            *name
        }
        _ => {
            let prefix =
                "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {KEY_NAME} {prefix}")];
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        faults.push(format!("name part {}", most_bytes(63)));
    }
    if !is_key_name(name) {
        faults.push(format!("name part {KEY_NAME}"));
    }
    faults
}

/// What is wrong with a label's value.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 63 {
        faults.push(most_bytes(63));
    }
    if !text.is_empty() && !is_key_name(text) {
        faults.push(VALUE.to_owned());
    }
    faults
}

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
    fn subdomains_are_lower_case_labels_with_dots() {
        for good in ["a", "a.b", "0-a.b-c", "example.com"] {
            assert!(subdomain(good).is_empty(), "{good}");
        }
        for bad in ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "ä"] {
            assert_eq!(subdomain(bad), [SUBDOMAIN], "{bad}");
        }
        assert_eq!(subdomain(&"a".repeat(254)), ["must be no more than 253 characters"]);
    }

    #[test]
    fn labels_have_no_dots() {
        assert_eq!(label("a.b"), ["must not contain dots"]);
        assert_eq!(label("A.b"), [LABEL]);
        assert_eq!(label_1035("1a"), [LABEL_1035]);
        assert!(label_1035("a1").is_empty());
    }

    #[test]
    fn label_keys_have_an_optional_prefix() {
        for good in ["app", "app.kubernetes.io/name", "A_b.c"] {
            assert!(label_key(good).is_empty(), "{good}");
        }
        assert_eq!(label_key("/a"), ["prefix part must be non-empty"]);
        assert_eq!(label_key("a/").len(), 2);
        assert_eq!(label_key("a/b/c").len(), 1);
    }

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
