//! Syntax of names and labels, with the real server's messages (`k8s.io/apimachinery/pkg/api/validate/content`).

const LABEL_KEY: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_KEY_PARTS: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// What keeps a text from being a segment of a path, as names of roles are.
pub(super) fn path_segment_faults(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"].iter().filter(|part| name.contains(**part)).map(|part| format!("may not contain '{part}'")).collect()
}

/// What keeps a text from being a DNS subdomain. The real server's `unit` is `bytes` in labels and `characters` in names.
pub(super) fn subdomain_faults(name: &str, unit: &str) -> impl Iterator<Item = String> + use<> {
    let long = (name.len() > 253).then(|| format!("must be no more than 253 {unit}"));
    let label = |label: &str| is_word(label, |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'), b"-");
    let wrong = (!name.split('.').all(label)).then(|| SUBDOMAIN.to_owned());
    long.into_iter().chain(wrong)
}

/// What keeps a text from being a label's key.
pub(super) fn label_key_faults(key: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (prefix, name) = match key.split('/').collect::<Vec<_>>().as_slice() {
        [name] => (None, *name),
        [prefix, name] => (Some(*prefix), *name),
        _ => return vec![LABEL_KEY_PARTS.to_owned()],
    };
    match prefix {
        Some("") => faults.push("prefix part must be non-empty".to_owned()),
        Some(prefix) => faults.extend(subdomain_faults(prefix, "bytes").map(|fault| format!("prefix part {fault}"))),
        None => {}
    }
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_label_word(name) {
        faults.push(LABEL_KEY.to_owned());
    }
    faults
}

/// What keeps a text from being a label's value.
pub(super) fn label_value_faults(value: &str) -> Vec<String> {
    let long = (value.len() > 63).then(|| "must be no more than 63 bytes".to_owned());
    let wrong = (!value.is_empty() && !is_label_word(value)).then(|| LABEL_VALUE.to_owned());
    long.into_iter().chain(wrong).collect()
}

fn is_label_word(text: &str) -> bool {
    is_word(text, |byte| byte.is_ascii_alphanumeric(), b"-_.")
}

/// Letters at both ends, letters or marks between.
fn is_word(text: &str, is_letter: impl Fn(u8) -> bool, marks: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    ends.is_some_and(|(first, last)| is_letter(*first) && is_letter(*last))
        && bytes.iter().all(|byte| is_letter(*byte) || marks.contains(byte))
}
