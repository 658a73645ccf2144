//! URIs as the first line of an HTTP request has them (`url.ParseRequestURI` of Go).

/// An absolute URI, an absolute path, or `*`.
pub(super) fn is_request_uri(text: &str) -> bool {
    if text.bytes().any(|byte| byte.is_ascii_control()) || text.is_empty() {
        return false;
    }
    if text == "*" {
        return true;
    }
    let Some((scheme, rest)) = split_scheme(text) else { return false };
    let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
    if !rest.starts_with('/') {
        return !scheme.is_empty();
    }
    let Some(authority) = rest.strip_prefix("//").filter(|_| !scheme.is_empty()) else {
        return has_sound_escapes(rest);
    };
    let path = authority.find('/').unwrap_or(authority.len());
    is_authority(&authority[..path]) && has_sound_escapes(&authority[path..])
}

/// Scheme and rest; `None` where the scheme is missing before its colon.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return None,
            b':' => return Some((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

fn has_sound_escapes(text: &str) -> bool {
    let hexadecimal = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let escape =
        |index: usize| hexadecimal(bytes.get(index + 1)) && hexadecimal(bytes.get(index + 2));
    bytes.iter().enumerate().all(|(index, byte)| *byte != b'%' || escape(index))
}

fn is_authority(authority: &str) -> bool {
    let Some((user, host)) = authority.rsplit_once('@') else { return is_host(authority) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    is_host(host) && user.bytes().all(allowed) && has_sound_escapes(user)
}

fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| {
        !byte.is_ascii()
            || byte.is_ascii_alphanumeric()
            || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte)
    };
    if !host.bytes().all(allowed) {
        return false;
    }
    if host.starts_with('[') {
        let Some((address, port)) = host.rsplit_once(']') else { return false };
        return is_port(port) && is_bracketed(&address[1..]);
    }
    let port = host.rfind(':').map_or("", |colon| &host[colon..]);
    is_port(port) && has_host_escapes(host)
}

/// An IPv6 address, with its zone after `%25`.
fn is_bracketed(address: &str) -> bool {
    let (address, zone) = address.split_once("%25").unwrap_or((address, ""));
    super::network::is_ipv6(address) && has_sound_escapes(zone)
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Only bytes outside ASCII, and `%` itself, may be escaped in a host.
fn has_host_escapes(host: &str) -> bool {
    let sound = |(index, _): (usize, &str)| {
        host[index..].starts_with("%25")
            || matches!(
                host.as_bytes().get(index + 1),
                Some(b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
            )
    };
    has_sound_escapes(host) && host.match_indices('%').all(sound)
}
