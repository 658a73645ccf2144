//! Addresses of networks and their interfaces.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Four decimal numbers, which may have leading zeros, or an IPv6 address that ends in them.
pub(super) fn is_ipv4(text: &str) -> bool {
    if text.contains(':') { text.contains('.') && is_ipv6(text) } else { is_dotted(text) }
}

/// An IPv6 address without a zone.
pub(super) fn is_ipv6(text: &str) -> bool {
    text.contains(':') && text.parse::<Ipv6Addr>().is_ok()
}

/// An address and the length of its network prefix.
pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let most = if address.contains(':') { 128 } else { 32 };
    let known = if most == 128 { is_ipv6(address) } else { is_dotted(address) };
    let number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    known && number && length.parse::<u32>().is_ok_and(|length| length <= most)
}

fn is_dotted(text: &str) -> bool {
    let strip = |part: &str| part.trim_start_matches('0').to_owned();
    let parts: Vec<String> = text
        .split('.')
        .map(|part| if part.is_empty() { "x".to_owned() } else { strip(part) })
        .collect();
    let parts: Vec<&str> =
        parts.iter().map(|part| if part.is_empty() { "0" } else { part }).collect();
    parts.join(".").parse::<Ipv4Addr>().is_ok()
}

/// 6, 8 or 20 octets: pairs of digits with `:` or `-` between them, or groups of four with `.`.
pub(super) fn is_mac(text: &str) -> bool {
    let Some(separator) = text.chars().find(|character| matches!(character, ':' | '-' | '.'))
    else {
        return false;
    };
    let digits = if separator == '.' { 4 } else { 2 };
    let groups: Vec<&str> = text.split(separator).collect();
    let group =
        |group: &&str| group.len() == digits && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(groups.len() * digits / 2, 6 | 8 | 20) && groups.iter().all(group)
}
