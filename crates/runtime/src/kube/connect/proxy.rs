//! Which proxy to go through.
//!
//! As client-go does it: the kubeconfig's own `proxy-url` first, then `HTTPS_PROXY`, except for the hosts in
//! `NO_PROXY` and for this machine. (kube 5 compares `NO_PROXY` with the address of the proxy instead of the server.)

use std::net::IpAddr;

use http::Uri;

use super::error::ConnectError;

/// The proxy that the environment names for `server`.
pub(super) fn from_environment(server: &Uri) -> Result<Option<Uri>, ConnectError> {
    let Some((variable, value)) = first_set(["HTTPS_PROXY", "https_proxy"]) else {
        return Ok(None);
    };
    let exempt = first_set(["NO_PROXY", "no_proxy"]).map(|(_, list)| list).unwrap_or_default();
    if bypasses(server.host().unwrap_or_default(), &exempt) {
        return Ok(None);
    }
    let address = if value.contains("://") { value.clone() } else { format!("http://{value}") };
    address
        .parse()
        .map(Some)
        .map_err(|_| ConnectError::Proxy { variable, value: without_credentials(&value) })
}

fn first_set(variables: [&'static str; 2]) -> Option<(&'static str, String)> {
    let value = |name: &'static str| std::env::var(name).ok().filter(|value| !value.is_empty());
    variables.into_iter().find_map(|name| value(name).map(|value| (name, value)))
}

fn without_credentials(url: &str) -> String {
    url.rsplit_once('@').map_or(url, |(_, host)| host).to_owned()
}

fn bypasses(host: &str, exempt: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    let this_machine = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    this_machine || exempt.split(',').map(str::trim).any(|entry| matches(&host, address, entry))
}

fn matches(host: &str, address: Option<IpAddr>, entry: &str) -> bool {
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if let Some(address) = address {
        return match entry.split_once('/') {
            Some((network, bits)) => in_network(address, network, bits),
            None => entry.parse() == Ok(address),
        };
    }
    let domain = entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    let is_below = host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
    is_below || (host == domain && !entry.starts_with(['.', '*']))
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (address, network.parse()) {
        (IpAddr::V4(address), Ok(IpAddr::V4(network))) if bits <= 32 => {
            let kept = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & kept == network.to_bits() & kept
        }
        (IpAddr::V6(address), Ok(IpAddr::V6(network))) if bits <= 128 => {
            let kept = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & kept == network.to_bits() & kept
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_compared_with_the_server() {
        let cases = [
            ("localhost", "", true),
            ("127.0.0.1", "", true),
            ("[::1]", "", true),
            ("hub.example.com", "", false),
            ("hub.example.com", "*", true),
            ("hub.example.com", "example.com", true),
            ("hub.example.com", ".example.com", true),
            ("hub.example.com", "*.example.com", true),
            ("example.com", ".example.com", false),
            ("example.com", "Example.com", true),
            ("notexample.com", "example.com", false),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("11.1.2.3", "0.0.0.0/0", true),
            ("10.1.2.3", "192.0.2.1, 10.1.2.3", true),
            ("[2001:db8::7]", "2001:db8::/32", true),
            ("10.1.2.3", "10.0.0.0/99", false),
            ("10.1.2.3", ",,", false),
        ];
        for (host, exempt, expected) in cases {
            assert_eq!(bypasses(host, exempt), expected, "{host} with NO_PROXY={exempt:?}");
        }
    }

    #[test]
    fn credentials_of_a_proxy_are_not_shown() {
        assert_eq!(without_credentials("http://user:secret@proxy:3128"), "proxy:3128");
    }
}
