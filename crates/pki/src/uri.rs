//! URIs in certificates, read as the strictest peer does: Go reads each when it reads the
//! certificate (`net/url`, `crypto/x509`), and refuses the whole certificate where it cannot.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The host of a URI, as far as a constraint on names could be put to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UriHost<'a> {
    /// None: `urn:…`, a path, or an empty authority.
    Absent,
    /// A name of non-empty labels.
    Name(&'a str),
    /// An IP address.
    Address,
}

/// The host of `uri`; `None` where Go refuses the certificate that holds it.
pub(crate) fn host(uri: &str) -> Option<UriHost<'_>> {
    if uri.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let (uri, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    let (rest, _query) = uri.split_once('?').unwrap_or((uri, ""));
    if !has_good_escapes(fragment) {
        return None;
    }
    let (scheme, rest) = split_scheme(rest)?;
    let Some(hierarchical) = rest.strip_prefix("//") else {
        // A scheme without a slash after it has an opaque part, which nobody takes apart.
        let opaque = scheme && !rest.starts_with('/');
        return (opaque || has_good_escapes(rest)).then_some(UriHost::Absent);
    };
    let (authority, path) = match hierarchical.find('/') {
        Some(slash) => hierarchical.split_at(slash),
        None => (hierarchical, ""),
    };
    has_good_escapes(path).then_some(())?;
    authority_host(authority)
}

/// Whether there is a scheme (RFC 3986 section 3.1), and what follows its colon.
fn split_scheme(text: &str) -> Option<(bool, &str)> {
    let head = text.split('/').next().unwrap_or(text);
    let Some((scheme, _)) = head.split_once(':') else { return Some((false, text)) };
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    // A colon in the first segment of a relative reference is an error (section 4.2).
    let good = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(in_scheme);
    good.then(|| (true, &text[scheme.len() + 1..]))
}

fn authority_host(authority: &str) -> Option<UriHost<'_>> {
    let host_and_port = match authority.rsplit_once('@') {
        Some((user, rest)) => {
            let allowed =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
            (user.bytes().all(allowed) && has_good_escapes(user)).then_some(rest)?
        }
        None => authority,
    };
    if let Some(literal) = host_and_port.strip_prefix('[') {
        let (address, port) = literal.split_once(']')?;
        let port_is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return (port_is_good && address.parse::<Ipv6Addr>().is_ok()).then_some(UriHost::Address);
    }
    let host = match host_and_port.split_once(':') {
        Some((host, port)) => is_port(port).then_some(host)?,
        None => host_and_port,
    };
    if host.is_empty() {
        return Some(UriHost::Absent);
    }
    if host.parse::<Ipv4Addr>().is_ok() {
        return Some(UriHost::Address);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    let good = |label: &str| !label.is_empty() && label.bytes().all(allowed);
    host.split('.').all(good).then_some(UriHost::Name(host))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether each percent sign is followed by two hexadecimal digits (RFC 3986 section 2.1).
pub(crate) fn has_good_escapes(text: &str) -> bool {
    let digits = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    text.match_indices('%').all(|(index, _)| digits(&text[index + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_go_reads_them() {
        let name = |host| Some(UriHost::Name(host));
        let cases = [
            ("spiffe://cluster.local/ns/a/sa/b", name("cluster.local")),
            ("https://user@example.com:8443/a?b#c", name("example.com")),
            ("https://example.com:", name("example.com")),
            ("spiffe://my_domain", name("my_domain")),
            ("urn:uuid:1f9a2c34-7c3b-4f10-9a55-000000000000", Some(UriHost::Absent)),
            ("urn:%zz", Some(UriHost::Absent)),
            ("file:///etc/hosts", Some(UriHost::Absent)),
            ("a/b:c", Some(UriHost::Absent)),
            ("", Some(UriHost::Absent)),
            ("https://10.1.2.3:80/", Some(UriHost::Address)),
            ("https://[fd00::1]:80/", Some(UriHost::Address)),
        ];
        for (uri, expected) in cases {
            assert_eq!(host(uri), expected, "{uri}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        let refused = [
            "spiffe://a./x",
            "spiffe://a..b/x",
            "spiffe://.a/x",
            "https://a.example/%zz",
            "https://a.example/%4",
            "https://a.example/#%",
            "https://a%20b/",
            "https://a b/",
            "https://a:b/",
            "https://a:1:2/",
            "https://[fd00::1/",
            "https://[nothing]/",
            "https://u\"v@a/",
            "1a:b",
            ":a",
            "https://a/\u{7}",
        ];
        for uri in refused {
            assert_eq!(host(uri), None, "{uri}");
        }
    }
}
