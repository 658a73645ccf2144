//! Addresses as texts (the Go package `net/netip`), without zones.

use std::net::{IpAddr, Ipv4Addr};

use crate::go_text::quoted;

/// An address; an IPv4 address is not written as one of IPv6.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let said = quoted(text);
    let address = any_address(text).map_err(|why| {
        format!("IP Address {said} parse error during conversion from string: {why}")
    })?;
    match address {
        IpAddr::V6(_) if text.contains('%') => {
            Err(format!("IP address {said} with zone value is not allowed"))
        }
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {said} is not allowed"))
        }
        address => Ok(address),
    }
}

/// An address and the length of its network's prefix.
pub(super) fn block(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, length) = any_block(text).map_err(|why| {
        let said = quoted(text);
        format!(
            "network address parse error during conversion from string: network address parse error during conversion \
             from string: netip.ParsePrefix({said}): {why}"
        )
    })?;
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Err(format!(
            "network address parse error during conversion from string: IPv4-mapped IPv6 address {} is not allowed",
            quoted(text)
        )),
        address => Ok((address, length)),
    }
}

fn any_block(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, bits) = text.rsplit_once('/').ok_or("no '/'")?;
    let address = any_address(address)?;
    if text.contains('%') {
        return Err("IPv6 zones cannot be present in a prefix".to_owned());
    }
    let sound = !(bits.len() > 1 && bits.starts_with(['0', '+', '-']));
    let length: u64 = Some(bits)
        .filter(|_| sound)
        .and_then(|bits| bits.parse().ok())
        .ok_or_else(|| format!("bad bits after slash: {}", quoted(bits)))?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    match u8::try_from(length) {
        Ok(length) if length <= longest => Ok((address, length)),
        _ => Err("prefix length out of range".to_owned()),
    }
}

/// An address of IPv4, or one of IPv6, possibly with a zone, which is not looked at.
pub(super) fn any_address(text: &str) -> Result<IpAddr, String> {
    let found = match text.find(['.', ':', '%']).map(|at| text.as_bytes()[at]) {
        Some(b'.') => ipv4(text).map(IpAddr::V4),
        Some(b':') => ipv6(text),
        Some(_) => Err("missing IPv6 address".to_owned()),
        None => Err("unable to parse IP".to_owned()),
    };
    found.map_err(|why| format!("ParseAddr({}): {why}", quoted(text)))
}

fn ipv4(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| ipv4_fault(text))
}

/// The first thing that is wrong with a text that is no IPv4 address.
fn ipv4_fault(text: &str) -> String {
    let (mut dots, mut field) = (0, "");
    for (at, letter) in text.char_indices() {
        match letter {
            '0'..='9' if field == "0" => {
                return "IPv4 field has octet with leading zero".to_owned();
            }
            '0'..='9' => field = &text[at - field.len()..=at],
            '.' if field.is_empty() || at + 1 == text.len() => {
                let rest = quoted(&text[at..]);
                return format!("IPv4 field must have at least one digit (at {rest})");
            }
            '.' if dots == 3 => return "IPv4 address too long".to_owned(),
            '.' => (dots, field) = (dots + 1, ""),
            _ => return format!("unexpected character (at {})", quoted(&text[at..])),
        }
        if field.parse::<u32>().is_ok_and(|value| value > 255) {
            return "IPv4 field has value >255".to_owned();
        }
    }
    "IPv4 address too short".to_owned()
}

fn ipv6(text: &str) -> Result<IpAddr, String> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "-"));
    if zone.is_empty() {
        return Err("zone must be a non-empty string".to_owned());
    }
    address.parse().map(IpAddr::V6).map_err(|_| "not an IPv6 address".to_owned())
}
