//! DNS names in certificates, read as the strictest peer does when it compares them (rustls-webpki,
//! Go, and OpenSSL for the common name).

const NAME_MOST: usize = 253;
const LABEL_MOST: usize = 63;

/// Whether a subject alternative name is a DNS name to every peer. A wildcard may stand for the
/// whole first label of three or more.
pub(crate) fn is_presented(name: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(rest) => rest.contains('.') && is_plain(rest),
        None => is_plain(name),
    }
}

/// Whether the base of a constraint is a DNS name to every peer: empty, or labels that a dot may
/// precede.
pub(crate) fn is_constraint(base: &str) -> bool {
    base.is_empty() || has_good_labels(base.strip_prefix('.').unwrap_or(base))
}

/// Whether OpenSSL and BoringSSL take a common name for a DNS name (`cn2dnsid`): letters, digits,
/// underscores, hyphens and dots within, and at least two labels.
pub(crate) fn is_common_name(text: &str) -> bool {
    let is_inner = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    text.contains('.') && text.split('.').all(is_inner)
}

fn is_plain(name: &str) -> bool {
    let top = name.rsplit('.').next().unwrap_or(name);
    has_good_labels(name) && !top.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_good_labels(name: &str) -> bool {
    name.len() <= NAME_MOST && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=LABEL_MOST).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presented_name_has_labels_and_at_most_one_leading_wildcard() {
        let long = format!("{}.svc", "a".repeat(64));
        for good in ["a", "web.shop.svc", "_http.svc", "*.shop.svc", "A.svc"] {
            assert!(is_presented(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "*",
            "*.svc",
            "a.*.b",
            "w*.shop.svc",
            "a b",
            "a\0",
            "-a",
            "a-.b",
            "a.1",
            &long,
        ] {
            assert!(!is_presented(bad), "{bad}");
        }
    }

    #[test]
    fn a_constraint_may_be_empty_or_begin_with_a_dot() {
        for good in ["", "svc", ".shop.svc", "a.1"] {
            assert!(is_constraint(good), "{good}");
        }
        for bad in [".", "a.", "..a", "a..b", "*.a", "a b"] {
            assert!(!is_constraint(bad), "{bad}");
        }
    }

    #[test]
    fn a_common_name_of_two_labels_reads_as_a_dns_name() {
        for good in ["web.shop", "a_b.c", "1.2"] {
            assert!(is_common_name(good), "{good}");
        }
        for other in
            ["web", "istiod root 1", "a..b", ".a", "a.", "-a.b", "a-.b", "a.b-", "*.a.b", ""]
        {
            assert!(!is_common_name(other), "{other}");
        }
    }
}
